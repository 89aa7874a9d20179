"""Per-user outcomes on disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from recommender.baselines import BASELINES
from recommender.errors import InvalidArtifact
from recommender.holdout import Holdout
from recommender.outcomes import Outcomes
from recommender.purpose import WITHOUT_CART, Purpose
from recommender.splits import time_split
from tests import planted
from tests.measurements import outcomes_of
from training.outcome_files import load_outcomes, outcomes_path, save_outcomes

VERSION = "20240701-aaaaaaaaaaaa"
VALUES = {Purpose.ALL: {"regulars": [0.5, 0.25], "popularity": [0.0, 1.0]}}


def hostile_outcomes() -> Outcomes:
    """Outcomes whose users and items have the ids that break naive files."""
    split = time_split(planted.hostile(), planted.at(31))
    holdout = Holdout.from_split(split)
    lists = {
        purpose: BASELINES["popularity"](split.train, holdout.user, purpose=purpose, k=3, now=split.cut)
        for purpose in WITHOUT_CART
    }
    return Outcomes.of({"regulars": lists}, split, holdout, subject="regulars", k=3)


def test_saving_changes_nothing(tmp_path: Path) -> None:
    """What is read is what was written: ids, lists, figures and facts."""
    before = hostile_outcomes()
    save_outcomes(before, VERSION, tmp_path)
    after = load_outcomes(VERSION, tmp_path)
    assert after.subject == before.subject
    assert (after.window.users, after.window.items) == (before.window.users, before.window.items)
    assert (after.window.cut, after.window.end, after.window.k) == (before.window.cut, before.window.end, 3)
    for name in ("purchases", "value", "decile", "orders", "first_order"):
        np.testing.assert_array_equal(getattr(after.window, name), getattr(before.window, name))
    assert after.by_purpose.keys() == before.by_purpose.keys()
    for purpose, found in before.by_purpose.items():
        read = after.by_purpose[purpose]
        assert read.rankers == found.rankers
        np.testing.assert_array_equal(read.ndcg, found.ndcg)
        np.testing.assert_array_equal(read.shown.item, found.shown.item)
        np.testing.assert_array_equal(read.relevant.indptr, found.relevant.indptr)
    assert [path.name for path in tmp_path.iterdir()] == [f"{VERSION}.users.npz"]


def test_no_pickle_is_read(tmp_path: Path) -> None:
    """A file with a pickled object is refused, not executed."""
    np.savez(outcomes_path(VERSION, tmp_path), values=np.array([{"format": 1}], dtype=object))
    with pytest.raises(InvalidArtifact, match=r"cannot be understood .*; delete it and train again"):
        load_outcomes(VERSION, tmp_path)


def test_an_old_version_has_none(tmp_path: Path) -> None:
    """The message names the file, and what to do to have it."""
    with pytest.raises(InvalidArtifact, match=rf"{VERSION}.users.npz does not exist: .* train {VERSION} again"):
        load_outcomes(VERSION, tmp_path)


@pytest.mark.parametrize("keep", [0, 1, 100, 1000])
def test_a_cut_file_is_refused(tmp_path: Path, keep: int) -> None:
    """A file that a full disk cut short is one message."""
    path = save_outcomes(outcomes_of(VALUES), VERSION, tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InvalidArtifact, match="cannot be understood"):
        load_outcomes(VERSION, tmp_path)


def test_a_later_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a later release is not guessed at."""
    monkeypatch.setattr("training.outcome_files.FORMAT", 2)
    save_outcomes(outcomes_of(VALUES), VERSION, tmp_path)
    monkeypatch.undo()
    with pytest.raises(InvalidArtifact, match="it has format 2, this program reads 1"):
        load_outcomes(VERSION, tmp_path)


Alteration = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def with_values(**changes: object) -> Alteration:
    """Change some of the small values."""
    return lambda old: np.frombuffer(json.dumps(json.loads(old.tobytes()) | changes).encode(), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "alter", "said"),
    [
        ("window.decile", lambda old: old[:-1], r"decile of the test window has shape \(1,\), which must be \(2,\)"),
        ("window.decile", lambda old: old + 10, "deciles of users must lie between 1 and 10, found 1"),
        ("window.purchases", lambda old: old[:-1], r"purchases of the test window has shape \(9,\)"),
        ("all.row", lambda old: old + 119, r"rows of users \(all\) must lie between 0 and 1, found 119"),
        ("all.row", lambda old: old[::-1], "the rows of measured users must ascend"),
        ("all.shown.item", lambda old: old + 10, r"shown items \(all\) must lie between 0 and 9, found 10"),
        ("all.ndcg", lambda old: old * np.float32(np.nan), "a figure of a user is not a finite number"),
        ("all.rankers.data", lambda old: old[::-1], "'regulars' was not measured"),
        ("values", with_values(subject="nobody"), "'nobody' was not measured, only regulars, popularity"),
        ("values", with_values(**{"window.k": "ten"}), "window.k is 'ten', which is not of type"),
        ("values", with_values(**{"window.cut": "soon"}), "the test window runs from 'soon'"),
        ("values", with_values(purposes=None), "NoneType"),
    ],
)
def test_an_altered_file_is_refused(tmp_path: Path, name: str, alter: Alteration, said: str) -> None:
    """A file that is whole but contradicts itself is one message, not an error in whoever compares."""
    path = save_outcomes(outcomes_of(VALUES), VERSION, tmp_path)
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    arrays[name] = alter(arrays[name])
    np.savez(path, **arrays)
    with pytest.raises(InvalidArtifact, match=rf"cannot be understood \(.*{said}.*; delete it and train again"):
        load_outcomes(VERSION, tmp_path)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    """Wherever a byte is flipped, the file is read or refused with a message."""
    path = save_outcomes(outcomes_of(VALUES), VERSION, tmp_path)
    whole, refused = path.read_bytes(), 0
    for at in range(0, len(whole), 13):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            load_outcomes(VERSION, tmp_path)
        except InvalidArtifact:
            refused += 1
    assert refused > 10
