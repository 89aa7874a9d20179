"""Reading event files as they grow."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.console import event_log
from serving.console.event_log import MAX_PLACEMENTS, OTHERS, Columns, EventLog
from tests.serving.console.storefront import SECONDS, a_day, event, lines, write


def nobody(_: str) -> bool:
    return False


def log_of(folder: Path, *, erased: Callable[[str], bool] = nobody, **options: Any) -> EventLog:
    return EventLog(folder, group_of=lambda user: int(user == "u1"), is_erased=erased, **options)


def names(columns: Columns) -> dict[str, list[Any]]:
    return {name: values.tolist() for name, values in columns.values.items()}


def test_events_become_columns(tmp_path: Path) -> None:
    """Kinds, times, money and groups are numbers; the same name is the same number, and none is -1."""
    write(tmp_path, a_day())
    columns = log_of(tmp_path).refresh()
    values = columns.values
    assert len(columns) == 10
    assert columns.is_whole
    assert columns.placements == ("home", "cart")
    assert values["time"].tolist()[:3] == [SECONDS] * 3
    assert values["amount"][5:9].tolist() == [6.0, 1.5, 3.0, 5.0]
    assert np.isnan(values["amount"][0])
    assert values["group"].tolist() == [1, 1, -1, 1, 1, 1, 1, -1, 1, 1]
    assert values["placement"].tolist()[:4] == [0, 0, 1, 0]
    assert len(set(values["visitor"].tolist())) == 2
    assert values["slate"][5] == -1
    assert values["order"][5] == values["order"][6] != values["order"][8]


@given(st.integers(0, 12), st.lists(st.integers(1, 900), max_size=8))
@settings(max_examples=25, deadline=None)
def test_what_is_read_in_pieces_is_what_is_read_at_once(start: int, cuts: list[int]) -> None:
    """However the file grows between two looks, torn lines included, each event is there once."""
    content = lines(a_day() * 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events-2018-03-01.jsonl")
        path.write_bytes(content[:start])
        log, end = log_of(Path(folder)), start
        for cut in cuts:
            log.refresh()
            end = min(end + cut, len(content))
            path.write_bytes(content[:end])
        path.write_bytes(content)
        grown, whole = log.refresh(), log_of(Path(folder)).refresh()
        assert {name: str(column) for name, column in names(grown).items()} == {
            name: str(column) for name, column in names(whole).items()
        }


def test_small_pieces_are_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than a piece is read all the same."""
    monkeypatch.setattr(event_log, "PIECE_BYTES", 50)
    write(tmp_path, a_day())
    assert len(log_of(tmp_path).refresh()) == 10


def test_reading_stops_in_time_and_goes_on_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest days first; what is missing is said to be missing."""
    monkeypatch.setattr(event_log, "PIECE_BYTES", 300)
    write(tmp_path, a_day() * 5)
    log = log_of(tmp_path)
    assert not log.refresh(budget_seconds=0).is_whole
    assert log.refresh().is_whole
    assert len(log.refresh()) == 50


def test_memory_is_bounded_by_whole_days(tmp_path: Path) -> None:
    """The latest days are kept; older ones are given up, and counted."""
    for number in range(1, 6):
        write(tmp_path, a_day(), day=f"2018-03-0{number}")
    columns = log_of(tmp_path, most=15).refresh()
    assert len(columns) == 20
    assert columns.n_given_up == 3


def test_days_that_grew_too_old_are_given_up(tmp_path: Path) -> None:
    """They were read once, and make room for newer ones."""
    log = log_of(tmp_path, most=15)
    for number in range(1, 6):
        write(tmp_path, a_day(), day=f"2018-03-0{number}")
        assert len(log.refresh()) <= 20


def test_a_replaced_file_is_read_anew(tmp_path: Path) -> None:
    """A file that became shorter, or another file of the same name, is not read from its middle."""
    path = write(tmp_path, a_day())
    log = log_of(tmp_path)
    log.refresh()
    path.write_bytes(lines(a_day()[:3]))
    assert len(log.refresh()) == 3
    path.unlink()
    write(tmp_path, a_day()[:4])
    assert len(log.refresh()) == 4


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b'"text"', b"{}", b'{"event":"click"}', b'{"event":"dance","time":"2018-03-01T00:00:00Z"}', b"\xff"],
)
def test_what_is_no_event_is_counted_and_left_out(tmp_path: Path, line: bytes) -> None:
    """One bad line spoils nothing else."""
    path = write(tmp_path, a_day())
    path.write_bytes(line + b"\n" + path.read_bytes())
    columns = log_of(tmp_path).refresh()
    assert (len(columns), columns.n_unreadable) == (10, 1)


def test_erased_users_are_nobody(tmp_path: Path) -> None:
    """Their events count for the shelf, and for no visitor or group."""
    write(tmp_path, a_day())
    values = log_of(tmp_path, erased={"u1"}.__contains__).refresh().values
    assert set(values["group"].tolist()) == {-1}
    assert len(set(values["visitor"].tolist())) == 2


def test_guests_who_became_users_are_those_users(tmp_path: Path) -> None:
    """What they did before counts as theirs."""
    merge = {"event": "merge", "anonymous_id": "b1", "user_id": "u1", "time": "2018-03-01T06:00:00Z"}
    write(tmp_path, [*a_day(), merge])
    columns = log_of(tmp_path).refresh()
    assert len(columns) == 10
    assert len(set(columns.values["visitor"].tolist())) == 1


def test_made_up_placements_are_counted_together(tmp_path: Path) -> None:
    """A page may name what it likes; it cannot fill the memory."""
    events = [event("impression", placement=f"p{number}", slate_id="s") for number in range(MAX_PLACEMENTS + 50)]
    placements = log_of(write(tmp_path, events).parent).refresh().placements
    assert len(placements) == MAX_PLACEMENTS + 1
    assert placements[-1] == OTHERS


def test_no_folder_is_no_events(tmp_path: Path) -> None:
    """Before the first event there is none."""
    columns = log_of(tmp_path / "none").refresh()
    assert (len(columns), columns.is_whole) == (0, True)
