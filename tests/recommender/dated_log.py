"""Planted logs with dates in place of day numbers: splits are by time, and a date is read at a glance."""

from collections.abc import Sequence

import numpy as np

from recommender.events import Event
from recommender.interactions import Interactions
from tests import planted

DatedLine = tuple[str | None, str, str]
"""User (None: a guest), item, date in 2024; lines of one user and date form one order."""


def dated_log(
    lines: Sequence[DatedLine], *, amount: Sequence[float] | None = None, event: Event = Event.PURCHASE
) -> Interactions:
    """Turn `lines` into a log; each costs 1 unless told otherwise."""
    amounts = [1.0] * len(lines) if amount is None else amount
    return planted.log_of(
        planted.Line(user, item, day=_day(date), event=event, amount=paid)
        for (user, item, date), paid in zip(lines, amounts, strict=True)
    )


def _day(date: str) -> float:
    return float((np.datetime64(date, "D") - planted.START.astype("datetime64[D]")).astype(np.int64))
