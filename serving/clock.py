"""What "now" means to a ranking.

A shop runs on the wall clock. A demo's purchase log may end years ago: on the wall clock everybody would be long lost
and everything overdue. The data clock starts at the end of the log and runs on from there; after a restart, from the
last event that was kept, so that what comes later is later.

`created_at` of a slate follows the same clock: the days on which things are due are compared with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from serving.events import files


class Clock(Protocol):
    """Tells the time to rankings and to answers."""

    def now(self, as_of: np.datetime64) -> np.datetime64:
        """Return datetime64[s], UTC: the moment to rank for, given a model trained up to `as_of`."""
        ...

    def moment(self, as_of: np.datetime64) -> datetime:
        """Return the same to the millisecond, as answers tell it."""
        ...

    def wall(self) -> datetime:
        """Return the time of day, UTC."""
        ...


class WallClock:
    """The time of day."""

    def now(self, as_of: np.datetime64) -> np.datetime64:  # noqa: ARG002  the protocol's parameter
        """Return the time of day, whatever the model's age."""
        return np.datetime64(int(time.time()), "s")

    def moment(self, as_of: np.datetime64) -> datetime:  # noqa: ARG002  the protocol's parameter
        """Return the time of day."""
        return self.wall()

    def wall(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC)


class DataClock:
    """The end of the purchase log, or the last event kept, plus the time since this clock was made.

    Parameters
    ----------
    kept
        When the last event was, by this clock in an earlier life; None if there was none.
    """

    def __init__(self, kept: np.datetime64 | None = None) -> None:
        self._kept = kept
        self._started = time.monotonic()

    def now(self, as_of: np.datetime64) -> np.datetime64:
        """Return `as_of`, or the last event if that is later, plus the seconds since start."""
        moment: np.datetime64 = self._exact(as_of).astype("datetime64[s]")
        return moment

    def moment(self, as_of: np.datetime64) -> datetime:
        """Return the same to the millisecond."""
        exact: datetime = self._exact(as_of).astype(datetime)
        return exact.replace(tzinfo=UTC)

    def _exact(self, as_of: np.datetime64) -> np.datetime64:
        start = as_of if self._kept is None else max(as_of, self._kept)
        elapsed = np.timedelta64(int(1000 * (time.monotonic() - self._started)), "ms")
        exact: np.datetime64 = start.astype("datetime64[s]").astype("datetime64[ms]") + elapsed
        return exact

    def wall(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC)


def clock_of(kind: Literal["wall", "data"], *, events: Path) -> Clock:
    """Return the clock a setting names; the data clock goes on from what the folder `events` holds."""
    return DataClock(files.last_time(events)) if kind == "data" else WallClock()


class Moments:
    """The moment of an answer as JSON, to the millisecond; written anew when another millisecond has begun."""

    def __init__(self, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._written_for: tuple[int, np.datetime64 | None] = (-1, None)
        self._written = b""

    def __call__(self, as_of: np.datetime64) -> bytes:
        """Return the moment, given a model trained up to `as_of`, in quotes."""
        now = (int(self._monotonic() * 1000), as_of)
        if now != self._written_for:
            self._written_for = now
            self._written = moment_json(self._clock.moment(as_of))
        return self._written


def moment_json(moment: datetime) -> bytes:
    """Return a time as JSON, to the millisecond.

    >>> moment_json(datetime(2026, 11, 22, 9, 30, 15, 120_999, UTC))
    b'"2026-11-22T09:30:15.120Z"'
    """
    return b'"%b"' % moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
