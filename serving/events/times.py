"""When an event happened: as its sender says, put right by what the sender's clock showed when the batch left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

FUTURE = timedelta(minutes=5)
"""How far a storefront's clock may be ahead of ours."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""What is older was not meant so: training would not learn from it either, unless `cleaning.earliest` is changed."""
TRAVEL = timedelta(minutes=1)
"""How long a batch may have been on its way; more than that is a clock that is wrong."""


def clock_error(sent_at: datetime | None, *, now: datetime) -> timedelta:
    """Return what to add to times of a clock that showed `sent_at` just before `now`.

    >>> str(clock_error(datetime(2026, 3, 1, 13, tzinfo=UTC), now=datetime(2026, 3, 1, 12, tzinfo=UTC)))
    '-1 day, 23:00:00'
    """
    error = timedelta(0) if sent_at is None else now - sent_at
    return error if abs(error) > TRAVEL else timedelta(0)


def happened_at(moment: datetime, *, error: timedelta, now: datetime) -> np.datetime64:
    """Return when something happened, UTC, to the millisecond.

    Raises
    ------
    ValueError
        If that cannot be, or is no date.
    """
    try:
        # Without its zone, which may carry a moment over the edge of the calendar.
        right = moment.astimezone(UTC) + error
    except OverflowError:
        raise ValueError(f"time: {moment.isoformat()} is no date in UTC") from None
    if right > now + FUTURE:
        raise ValueError(f"time: {right.isoformat()} lies in the future")
    if right < EARLIEST:
        raise ValueError(f"time: {right.isoformat()} lies before {EARLIEST.date()}; write 2026-03-01T10:00:00Z")
    return np.datetime64(right.replace(tzinfo=None), "ms")
