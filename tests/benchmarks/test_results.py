"""Figures are kept as they were measured, and goals are judged by the rule they state."""

import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks.machine import describe_machine
from benchmarks.results import FOLDER, Results, Row, at_least, at_most, figure, load, save, show, value_text

ROWS = (
    figure("rate", 12_345.6, "users/s", goal=at_least(10_000), peer="redis-py"),
    figure("memory per user", 731.0, "bytes", goal=at_most(700)),
    figure("median", 0.123456, "ms"),
)


def test_row_says_whether_its_goal_is_kept() -> None:
    """A goal that is kept holds, one that is not does not, and without a goal nothing is claimed."""
    assert [row.holds for row in ROWS] == [True, False, None]
    assert [row.goal for row in ROWS] == ["≥ 10000", "≤ 700", None]


@pytest.mark.parametrize(
    ("value", "kept"),
    [(0.1234567, 0.1235), (1234567.0, 1235000.0), (0.0, 0.0), (42.0, 42.0), (-0.00012345, -0.0001234)],
)
def test_values_are_kept_to_four_digits(value: float, kept: float) -> None:
    """More digits than a measurement carries are not written down."""
    assert figure("x", value, "s").value == pytest.approx(kept, rel=1e-12)


def test_goal_is_judged_before_rounding() -> None:
    """A figure that breaks its goal by less than the last digit kept breaks it all the same."""
    assert figure("x", 300.00001, "ms", goal=at_most(300)).holds is False


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_bounds_are_inclusive_and_opposite(bound: float, value: float) -> None:
    """At least and at most agree on the bound itself and disagree everywhere else."""
    assert at_least(bound).holds(value) is (value >= bound)
    assert (at_least(bound).holds(value) and at_most(bound).holds(value)) is (value == bound)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_was_not_measured_is_no_figure(value: float) -> None:
    """Neither NaN nor infinity ends up in a file."""
    with pytest.raises(ValueError, match="is no measurement"):
        figure("ratio", value, "×")


def test_rows_have_names_of_their_own() -> None:
    """Two rows of one name could not be told apart."""
    with pytest.raises(ValueError, match="several rows are called rate"):
        Results({}, (ROWS[0], ROWS[0]))


def test_file_holds_machine_and_rows(tmp_path: Path) -> None:
    """What is saved has the documented shape and comes back equal."""
    results = Results(describe_machine(), ROWS)
    content = json.loads(save("publish", results, tmp_path / "results").read_text(encoding="utf-8"))
    assert content.keys() == {"machine", "rows"}
    assert [set(row) for row in content["rows"]] == [{"row", "value", "unit", "goal", "peer", "holds"}] * 3
    assert load("publish", tmp_path / "results") == results
    assert load("never_run", tmp_path) is None


def test_broken_goals_are_found() -> None:
    """The rows whose goal is not kept are named; rows without a goal are not among them."""
    assert [row.row for row in Results({}, ROWS).broken] == ["memory per user"]


def test_machine_is_described() -> None:
    """Processor, cores, memory, Python and libraries are known, and nothing that names the machine or its folders."""
    machine = describe_machine()
    assert machine.keys() == {"cpu", "cores", "memory_mb", "system", "python", "versions"}
    assert isinstance(machine["versions"], dict)
    assert "numpy" in machine["versions"]
    assert all(machine.values())


def test_table_shows_every_row() -> None:
    """The printed table holds names, values with units, goals and peers."""
    console = Console(file=io.StringIO(), width=120)
    show("publish", ROWS, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert all(part in text for row in ROWS for part in (row.row, value_text(row), row.goal or "", row.peer or ""))
    assert "12,350 users/s" in text


@pytest.mark.parametrize(
    "path", sorted(set(FOLDER.glob("*.json")) - set(FOLDER.glob("quality-*.json"))), ids=lambda path: path.stem
)
def test_kept_figures_can_be_read(path: Path) -> None:
    """Every file in the repository is one that this module wrote."""
    results = Results.from_json(path.read_text(encoding="utf-8"))
    assert results.rows
    assert all(isinstance(row, Row) for row in results.rows)
    assert path.read_text(encoding="utf-8") == results.to_json()
