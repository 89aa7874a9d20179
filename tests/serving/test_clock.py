"""Now is the time of day, or the end of the log and on from there."""

from datetime import UTC, datetime

import numpy as np

from serving.clock import DataClock, WallClock, clock_of

END = np.datetime64("2017-12-31T12:00:00", "s")


def test_wall_clock_ignores_the_log() -> None:
    """A model of 2017 is asked about today."""
    today = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "s")
    assert abs(clock_of("wall").now(END) - today) < np.timedelta64(60, "s")
    assert isinstance(clock_of("wall"), WallClock)


def test_data_clock_starts_at_the_end_of_the_log() -> None:
    """Nobody is lost and nothing overdue because the log is old; the model's own end counts."""
    clock = clock_of("data")
    assert isinstance(clock, DataClock)
    for end in (END, END + np.timedelta64(30, "D")):
        assert end <= clock.now(end) < end + np.timedelta64(60, "s")
    assert clock.wall().tzinfo is UTC
