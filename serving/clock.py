"""What "now" means to a ranking.

A shop runs on the wall clock. A demo's purchase log may end years ago: on the wall clock everybody would be long lost
and everything overdue. The data clock starts at the end of the log and runs on from there.

`created_at` of a slate is always the time of day: it says when an answer was given.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, Protocol

import numpy as np


class Clock(Protocol):
    """Tells the time to rankings and to answers."""

    def now(self, as_of: np.datetime64) -> np.datetime64:
        """Return datetime64[s], UTC: the moment to rank for, given a model trained up to `as_of`."""
        ...

    def wall(self) -> datetime:
        """Return the time of day, UTC."""
        ...


class WallClock:
    """The time of day."""

    def now(self, as_of: np.datetime64) -> np.datetime64:  # noqa: ARG002  the protocol's parameter
        """Return the time of day, whatever the model's age."""
        return np.datetime64(int(time.time()), "s")

    def wall(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC)


class DataClock:
    """The end of the purchase log, plus the time since this clock was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def now(self, as_of: np.datetime64) -> np.datetime64:
        """Return `as_of` plus the seconds since start."""
        elapsed = np.timedelta64(int(time.monotonic() - self._started), "s")
        moment: np.datetime64 = as_of.astype("datetime64[s]") + elapsed
        return moment

    def wall(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC)


def clock_of(kind: Literal["wall", "data"]) -> Clock:
    """Return the clock a setting names."""
    return DataClock() if kind == "data" else WallClock()


class Moments:
    """The time of day as JSON, to the millisecond; written anew when another millisecond has begun."""

    def __init__(self, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._millisecond = -1
        self._written = b""

    def __call__(self) -> bytes:
        """Return the time of day, in quotes."""
        millisecond = int(self._monotonic() * 1000)
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            self._written = moment_json(self._clock.wall())
        return self._written


def moment_json(moment: datetime) -> bytes:
    """Return a time as JSON, to the millisecond.

    >>> moment_json(datetime(2026, 11, 22, 9, 30, 15, 120_999, UTC))
    b'"2026-11-22T09:30:15.120Z"'
    """
    return b'"%b"' % moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
