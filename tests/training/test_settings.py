"""The sections of regulars.toml that training reads."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from recommender.events import Event
from training.settings import ConfidenceSettings, PurchaseSettings, TrainingSettings

ROOT = Path(__file__).parents[2]
DEMO = (ROOT / "regulars.toml").read_text(encoding="utf-8")
SECTIONS = {name for name in TrainingSettings.model_fields if name != "folder"}


def keys_of(section: type[BaseModel], prefix: str) -> Iterator[tuple[str, Any]]:
    """Every key below a section, with its field."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys_of(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def test_demo_configuration_is_valid() -> None:
    """The file in the repository is understood, key by key."""
    content = {name: table for name, table in tomllib.loads(DEMO).items() if name in SECTIONS}
    settings = TrainingSettings(**content)
    assert settings.purchases.columns.mapped()["order"] == "basket_id"
    assert str(settings.evaluation.cut) == "2017-12-01"


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_demo_configuration_shows_every_key(section: str) -> None:
    """Each key of each section is in the file, set or commented out, so that nobody has to look elsewhere."""
    found = re.search(rf"^\[{section}\].*?(?=^\[(?!{section}\.)|\Z)", DEMO, re.MULTILINE | re.DOTALL)
    assert found, section
    table = found[0]
    for key, _ in keys_of(TrainingSettings.model_fields[section].annotation, ""):  # type: ignore[arg-type]
        assert re.search(rf"^(# )?{key.rpartition('.')[2]} = ", table, re.MULTILINE), f"[{section}] {key}"


def test_every_key_is_described() -> None:
    """The settings page of the docs is made from the descriptions."""
    undescribed = [key for key, field in keys_of(TrainingSettings, "") if not field.description]
    assert undescribed == []


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"als": {"factor": 3}}, "als.factor"),
        ({"als": {"regularization": 0}}, "als.regularization"),
        ({"purchases": {"time_zone": "Berlin"}}, "purchases.time_zone"),
        ({"shop": {"currency": "Euro"}}, "shop.currency"),
        ({"confidence": {"event_weights": {"impression": 1}}}, "confidence"),
        ({"confidence": {"event_weights": {"buy": 1}}}, "confidence"),
        ({"confidence": {"event_weights": {"click": -1}}}, "confidence"),
    ],
)
def test_wrong_value_is_placed(content: dict[str, Any], place: str) -> None:
    """An unknown key or a value out of range is an error at its place."""
    with pytest.raises(ValidationError) as refused:
        TrainingSettings(**content)
    assert ".".join(map(str, refused.value.errors()[0]["loc"])) == place


def test_one_path_needs_no_list() -> None:
    """A single file may be named as such."""
    assert PurchaseSettings.model_validate({"paths": "a.csv"}).paths == ("a.csv",)


def test_weights_by_event() -> None:
    """Weights are named as events are."""
    assert ConfidenceSettings(event_weights={"purchase": 1, "click": 0.2}).weights() == {
        Event.PURCHASE: 1.0,
        Event.CLICK: 0.2,
    }


def test_parameters_do_not_say_where_things_are() -> None:
    """What goes into an artifact depends on neither folders nor the rules of publishing."""
    here = TrainingSettings(folder=Path("/here"), purchases=PurchaseSettings(paths=("a.csv",)))
    there = TrainingSettings(folder=Path("/there"), purchases=PurchaseSettings(paths=("b.csv",)))
    assert here.parameters() == there.parameters()
    assert "gate" not in here.parameters()


@pytest.mark.parametrize(
    "content",
    [
        *({"purchases": {"encoding": name}} for name in ("utf-9", "base64", "rot13", "punycode", "undefined", "a\0b")),
        *({"items": {"separator": text}} for text in ("§", '"', "\n", "", ";;")),
        {"purchases": {"time_format": ""}},
        {"purchases": {"paths": [""]}},
        *({"confidence": {"alpha": value}} for value in (float("inf"), float("nan"), 1e308)),
        *({"confidence": {"event_weights": {"click": value}}} for value in (float("inf"), float("nan"))),
        {"cleaning": {"earliest": "2024-01-02", "latest": "2024-01-01"}},
    ],
    ids=str,
)
def test_what_training_would_refuse_is_refused_at_once(content: dict[str, Any]) -> None:
    """A value that no training can use is an error of the configuration, not of the data."""
    with pytest.raises(ValidationError):
        TrainingSettings.model_validate(content)


@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252", "shift_jis", "gb18030"])
def test_encodings_of_text_are_known(name: str) -> None:
    """Whatever files are written in is accepted, two bytes a character included."""
    assert PurchaseSettings(encoding=name).encoding == name
