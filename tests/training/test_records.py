"""What is kept about a training, read again."""

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import InvalidArtifact
from tests import planted
from tests.training.report.report_examples import evaluation_of, report_of
from training.records import load_record

VERSION = "20240701-aaaaaaaaaaaa"


@functools.cache
def content() -> dict[str, Any]:
    """The record of a measured version."""
    log = planted.shop().log
    return report_of(log, evaluation_of(log)).to_dict()


def write(folder: Path, **changes: Any) -> Path:
    """Write the record of a measured version with some keys changed."""
    path = folder / f"{VERSION}.json"
    path.write_text(json.dumps(content() | changes), encoding="utf-8")
    return path


def test_a_record_is_read(tmp_path: Path) -> None:
    """The unchanged record of a measured version has its figures."""
    write(tmp_path)
    evaluation = load_record(VERSION, tmp_path).evaluation
    assert evaluation is not None
    assert evaluation.subject == "model"


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluation": []},
        {"evaluation": {}},
        {"evaluation": "0.5"},
        {"previous": 0},
        {"evaluation": None, "parameters": []},
        {"evaluation": None, "parameters": {"evaluation": []}},
        {"evaluation": None, "cleaning": content()["cleaning"] | {"last": None}},
    ],
)
def test_an_altered_record_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    """What is no evaluation is neither one nor none: the message names the file and what to do."""
    path = write(tmp_path, **changes)
    with pytest.raises(InvalidArtifact, match=rf"{path.name} cannot be understood .*; delete it and train again"):
        load_record(VERSION, tmp_path)
