"""The days that a report is about: as asked, or as far as events go."""

from __future__ import annotations

import datetime as dt

import numpy as np

from recommender.errors import InvalidInput
from recommender.experiments.visitors import Period
from recommender.traffic.attribution import SECONDS_PER_DAY
from training.traffic.reading import Read


def require_order(since: dt.date | None, until: dt.date | None) -> None:
    """Check two days before anything is read.

    Raises
    ------
    InvalidInput
        If the last one comes before the first.
    """
    if since is not None and until is not None and until < since:
        raise InvalidInput(
            f"the last day, {until}, is before the first, {since}; give --since a day that is not after --until"
        )


def period_of(read: Read, since: dt.date | None, until: dt.date | None) -> Period:
    """Return the days from `since` to `until`, both included; without them, from the first event to the last.

    Raises
    ------
    InvalidInput
        If no event lies in them, because they end before the first or begin after the last.
    """
    if until is not None and day_of(until) + SECONDS_PER_DAY <= read.first:
        first = written_day(read.first // SECONDS_PER_DAY)
        raise InvalidInput(f"nothing was reported up to {until}: the first event is of {first}; give another --until")
    if since is not None and read.last < day_of(since):
        last = written_day(read.last // SECONDS_PER_DAY)
        raise InvalidInput(f"nothing was reported from {since} on: the last event is of {last}; give another --since")
    start = day_of(since) if since is not None else read.first // SECONDS_PER_DAY * SECONDS_PER_DAY
    return Period(start, day_of(until) + SECONDS_PER_DAY if until is not None else read.last + 1)


def day_of(day: dt.date) -> int:
    """Return the first second of a day, UTC, since 1970."""
    return (day - dt.date(1970, 1, 1)).days * SECONDS_PER_DAY


def written_day(day: int) -> str:
    """Return a day since 1970 as ISO 8601."""
    return str(np.datetime64(day, "D"))
