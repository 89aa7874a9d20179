"""`regulars experiments` and `regulars traffic`, on a made-up storefront."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recommender.experiments.allocation import Allocation
from regulars.cli import main
from tests.made_up_storefront import HOLDOUT, Storefront


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a storefront with an experiment."""
    folder = tmp_path_factory.mktemp("storefront")
    Storefront(users=600, days=40, clicking=1.6, ordering=1.5).write(folder)
    return folder / "regulars.toml"


def run(shop: Path, command: str, *args: str) -> int:
    """Run a command line, and return its exit code."""
    return main([*command.split(), "--config", str(shop), *args])


def printed(capsys: pytest.CaptureFixture[str], shop: Path, command: str) -> str:
    """What a command that works prints."""
    capsys.readouterr()
    assert run(shop, command) == 0
    return capsys.readouterr().out


def test_experiments_are_listed(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each group with its share and what it gets; as JSON, too."""
    text = printed(capsys, shop, "experiments list")
    assert "no personal picks" in text
    assert "30.0%" in text
    rows = json.loads(printed(capsys, shop, "experiments list --json"))
    assert [(row["group"], row["share"]) for row in rows] == [("control", 0.3), ("usual", 0.7)]


def test_without_experiments_the_list_says_how_to_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not an error, and not an empty table."""
    empty = tmp_path / "regulars.toml"
    empty.write_text("", encoding="utf-8")
    assert run(empty, "experiments list") == 0
    assert "docs/experiments.md" in capsys.readouterr().err
    assert run(empty, "experiments report holdout") == 2
    assert "configured are: none" in capsys.readouterr().err


def test_the_group_of_a_user(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the server would say, without asking it."""
    for user in map(str, range(5)):
        group = Allocation([HOLDOUT]).of(user)
        assert group is not None
        assert printed(capsys, shop, f"experiments group {user}").strip() == f"holdout: {group.variant}"
    assert set(json.loads(printed(capsys, shop, "experiments group 1 --json"))) == {"experiment", "variant"}


def test_a_report_in_the_terminal(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sizes, every measure, the differences, and why some are not known yet."""
    text = printed(capsys, shop, "experiments report holdout --horizon 14")
    for part in ("usual minus control", "repeat purchase", "days to next order", "better", "not yet", "chance alone"):
        assert part in " ".join(text.split())
    assert "2026-03-01 to 2026-04-09" in text


def test_a_report_as_json(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Plain values, with the period that was asked for."""
    found: dict[str, Any] = json.loads(
        printed(capsys, shop, "experiments report holdout --since 2026-03-08 --until 2026-03-31 --entry any --json")
    )
    assert (found["since"], found["until"], found["entry"]) == ("2026-03-08", "2026-03-31", "any")
    assert {row["group"] for row in found["result"]["figures"]} == {"control", "usual"}
    assert found["result"]["sample_ratio"]["is_mismatch"] is False


def test_traffic_in_the_terminal(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By placement, position, day and trace; the last row is everything."""
    assert "home" in printed(capsys, shop, "traffic")
    assert "position" in printed(capsys, shop, "traffic --by position")
    assert "2026-03-02" in printed(capsys, shop, "traffic --by day --until 2026-03-02")
    assert "clicked before" in printed(capsys, shop, "traffic --by trace --no-log")


def test_traffic_as_json(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The views hold their keys and no empty ones."""
    found = json.loads(printed(capsys, shop, "traffic --json"))
    assert set(found["views"]["position"][0]) >= {"placement", "position", "click_through"}
    assert "day" not in found["views"]["position"][0]


@pytest.mark.parametrize("command", ["traffic --page", "experiments report holdout --page"])
def test_pages_are_written_where_is_printed(shop: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Standard output is the path and nothing else."""
    page = Path(printed(capsys, shop, command).strip())
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("experiments report holdot", "there is no experiment 'holdot'; configured are: holdout"),
        ("experiments report holdout --entry click", "users enter by shelf or any"),
        ("experiments report holdout --horizon 0", "the horizon is 0 days"),
        ("experiments report holdout --since 2030-01-01", "give another --since"),
        (
            "experiments report holdout --since 2026-03-09 --until 2026-03-08",
            "2026-03-08, is before the first, 2026-03-09",
        ),
        ("experiments report holdout --until 2026-02-01", "is before the first"),
        ("traffic --since 2026-03-09 --until 2026-03-08", "give --since a day that is not after --until"),
        ("traffic --until 2026-02-28", "the first event is of 2026-03-01; give another --until"),
        ("traffic --since 2030-01-01", "nothing was reported from 2030-01-01 on"),
        ("traffic --by item", "traffic is shown by placement, position, day, trace"),
    ],
)
def test_mistakes_are_named(shop: Path, capsys: pytest.CaptureFixture[str], command: str, message: str) -> None:
    """Exit code 2, and what to write instead."""
    assert run(shop, command) == 2
    assert message in capsys.readouterr().err
