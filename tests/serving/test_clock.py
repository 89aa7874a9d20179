"""Now is the time of day, or the end of the log and on from there."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson

from serving.clock import DataClock, Moments, WallClock, clock_of
from serving.events import files

END = np.datetime64("2017-12-31T12:00:00", "s")


def test_wall_clock_ignores_the_log(tmp_path: Path) -> None:
    """A model of 2017 is asked about today."""
    today = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "s")
    assert abs(clock_of("wall", events=tmp_path).now(END) - today) < np.timedelta64(60, "s")
    assert isinstance(clock_of("wall", events=tmp_path), WallClock)


def test_data_clock_starts_at_the_end_of_the_log(tmp_path: Path) -> None:
    """Nobody is lost and nothing overdue because the log is old; the model's own end counts."""
    clock = clock_of("data", events=tmp_path)
    assert isinstance(clock, DataClock)
    for end in (END, END + np.timedelta64(30, "D")):
        assert end <= clock.now(end) < end + np.timedelta64(60, "s")
    assert clock.wall().tzinfo is UTC


def line(time: str) -> bytes:
    return orjson.dumps({"event": "click", "event_id": time, "time": time})


def test_the_data_clock_goes_on_from_the_last_event_kept(tmp_path: Path) -> None:
    """After a restart no event is older than those before it, wherever they are kept; a newer model's end counts."""
    files.append(tmp_path / "events-2026-11-21.jsonl", [line("2017-12-31T12:10:00Z"), b"torn", b"[]"])
    files.append(tmp_path / "events-2026-11-22.jsonl", [line("2017-12-31T12:30:00Z"), line("2017-12-31T12:29:00Z")])
    files.append(tmp_path / "spool-7-a.jsonl", [line("2017-12-31T12:40:00Z")])
    last = np.datetime64("2017-12-31T12:40:00", "s")
    clock = clock_of("data", events=tmp_path)
    assert last <= clock.now(END) < last + np.timedelta64(60, "s")
    later = END + np.timedelta64(30, "D")
    assert later <= clock.now(later) < later + np.timedelta64(60, "s")


def test_only_the_end_of_a_long_event_file_is_read(tmp_path: Path) -> None:
    """Its last event is found in the middle of nowhere: the first line read may be half a line."""
    times = [f"2017-12-31T12:{minute:02}:{second:02}Z" for minute in range(60) for second in range(60)]
    files.append(tmp_path / "events-2026-11-22.jsonl", [line(time) for time in times])
    assert (tmp_path / "events-2026-11-22.jsonl").stat().st_size > files.LAST_BYTES
    assert files.last_time(tmp_path) == np.datetime64("2017-12-31T12:59:59", "s")


def test_answers_are_dated_by_the_clock_they_are_ranked_by() -> None:
    """The moment of an answer is `now`, to the millisecond; another model's is its own, in the same millisecond."""
    moments = Moments(DataClock(), monotonic=lambda: 7.0)
    for end in (END, END + np.timedelta64(30, "D")):
        told = np.datetime64(moments(end).decode().strip('"').rstrip("Z"), "ms")
        assert end <= told < end + np.timedelta64(60, "s")
    wall = WallClock()
    assert abs((wall.moment(END) - wall.wall()).total_seconds()) < 60
