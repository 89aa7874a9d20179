"""Rows say whether they hold, and a result survives its file, rows that do not hold included."""

import json
from pathlib import Path

import pytest

from benchmarks.quality.scoreboard import MissingData, Result, Row, find, path_of, read, write

MACHINE = {"cpu": "A CPU", "cores": 2, "memory_mb": 2048, "system": "Linux", "python": "3.11.7", "versions": {}}


def result(*rows: Row, data: str = "tafeng") -> Result:
    """Return a result of `rows` with made-up circumstances."""
    return Result(data, rows, {"spacing_days": 7.0}, {"fit": 12.34}, ("One note.",), 7, MACHINE)


@pytest.mark.parametrize(
    ("value", "floor", "holds"), [(0.2, None, None), (0.2, 0.1, True), (0.1, 0.1, False), (0.05, 0.1, False)]
)
def test_row_holds_only_above_its_floor(value: float, floor: float | None, holds: bool | None) -> None:
    """A floor is there to be exceeded: equal is not enough, and without one there is nothing to hold."""
    assert Row("R@10", value, floor).holds is holds


def test_goal_is_apart_from_the_floor() -> None:
    """A row can hold and still not reach its goal."""
    row = Row("R@10", 0.16, floor=0.15, goal=0.165)
    assert row.holds
    assert row.reached is False
    assert Row("R@10", 0.165, goal=0.165).reached


def test_name_says_who_was_measured() -> None:
    """A metric alone is ours; a ranker in front is a peer, whatever colons its name has."""
    assert (Row("R@10", 0.1).ranker, Row("R@10", 0.1).metric) == (None, "R@10")
    peer = Row("own top: 空: R@10", 0.1)
    assert (peer.ranker, peer.metric) == ("own top: 空", "R@10")


def test_nothing_measured_is_refused() -> None:
    """NaN is no figure, and two rows of one name could not be told apart."""
    with pytest.raises(ValueError, match="no measurement"):
        Row("R@10", float("nan"))
    with pytest.raises(ValueError, match="several rows are called R@10"):
        result(Row("R@10", 0.1), Row("R@10", 0.2))


def test_rows_that_do_not_hold_are_written(tmp_path: Path) -> None:
    """The file has every row with its floor, goal and verdict, and reads back as it was."""
    found = result(Row("R@10", 0.14, 0.15, 0.165), Row("popularity: R@10", 0.08))
    path = tmp_path / "new" / "quality-tafeng.json"
    write(found, path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["rows"] == [
        {"row": "R@10", "value": 0.14, "floor": 0.15, "goal": 0.165, "holds": False},
        {"row": "popularity: R@10", "value": 0.08, "floor": None, "goal": None, "holds": None},
    ]
    assert content["seconds"] == {"fit": 12.3}
    assert (content["seed"], content["settings"], content["notes"]) == (7, {"spacing_days": 7.0}, ["One note."])
    assert read(path).rows == found.rows
    assert not read(path).holds


def test_short_runs_are_kept_apart() -> None:
    """The figures of a short run cannot overwrite the real ones."""
    assert path_of("tafeng").name == path_of("tafeng", quick=True).name == "quality-tafeng.json"
    assert path_of("tafeng", quick=True).parent.name == "quick"


def test_missing_file_says_what_to_set(tmp_path: Path) -> None:
    """The message names the file and the variable."""
    with pytest.raises(MissingData, match=r"tafeng.baskets\.parquet is missing: set BENCH_DATA"):
        find(tmp_path / "tafeng", "baskets.parquet")
