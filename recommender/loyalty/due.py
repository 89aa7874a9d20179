"""When a user will need an item again.

The due date of an item is its last order plus the user's own gap for it, shrunk to the item's typical gap.
Items are ranked by how much they are needed *now*: orders per day, growing with the share of the gap that has
passed, and fading once the user has let two gaps go by without buying::

    score = orders / (orders + 1) · rate_i · ramp(elapsed / gap) / gap
    ramp(x) = min(x, 1) · 2^(-max(0, x - 2))

Whether an item is needed *about now* is another question, which ranking does not ask: `soonest_due` looks only at what
somebody bought often enough to have a rhythm for it, and takes the day by which they are as likely as not to have
bought it, given that they did not so far. That day moves on for who is late, so nothing is overdue for ever.

How sure the day is follows from how regular such orders are in this shop (`recommender.loyalty.regularity`): eight in
ten orders come between the two ends of its interval, which is wide for an item bought once and narrows with every
repeat.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.events import Event
from recommender.histories import FreshEvent, Histories, History
from recommender.interactions import SECONDS_PER_DAY
from recommender.loyalty.outlook import FARTHEST_DAYS, INTERVAL
from recommender.repeat import RepeatHabits

REST_SHARE = 0.5
"""Share of the gap for which an item that was just bought is not offered again."""

GRACE_GAPS = 2.0
"""After this many gaps without an order the need is taken to fade."""

FEWEST_ORDERS = 3
"""Orders of an item, and so two gaps, from which on somebody has a rhythm of their own for it."""


DUE_FROM, DUE_UNTIL = -60, 120
"""Days around the end of the log: a day outside is no reason to buy today, and is not told."""


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """Owned items with the day they run out, most needed first."""

    item: npt.NDArray[np.int32]
    """(j,) item indices."""
    on: npt.NDArray[np.datetime64]
    """(j,) datetime64[D]: the expected day of the next order."""
    score: npt.NDArray[np.float32]
    """(j,) how much it is needed now; at least 0."""
    earliest: npt.NDArray[np.datetime64]
    """(j,) datetime64[D]: one in ten orders comes before it."""
    latest: npt.NDArray[np.datetime64]
    """(j,) datetime64[D]: one in ten orders comes after it."""


def due_items(history: History, habits: RepeatHabits, *, now: np.datetime64) -> Due:
    """Rank the owned items of a `history` by need at `now`; ties go to the smaller index."""
    bought = np.flatnonzero(history.orders > 0)
    item, orders = history.item[bought], history.orders[bought]
    gap = habits.gaps_of(history)[bought]
    elapsed = _elapsed_days(history.last[bought], now)
    ramp = np.minimum(elapsed / gap, 1) * np.exp2(-np.maximum(0, elapsed / gap - GRACE_GAPS))
    score = orders / (orders + 1) * habits.rate[item] * ramp / gap
    order = np.lexsort([item, -score])
    last = history.last[bought]
    ends = [due_days(last, days)[order] for days in gap_interval(history, habits, bought)]
    return Due(item[order], due_days(last, gap)[order], score[order].astype(np.float32), *ends)


def gap_interval(
    history: History | Histories, habits: RepeatHabits, row: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return (k,) days twice: the gaps that one in ten and nine in ten next orders of the rows `row` stay within."""
    from scipy.special import betaincinv  # slow to load, and no server needs it to rank

    span_days = (history.last[row] - history.first[row]) / SECONDS_PER_DAY
    scale, own = habits.gap_days[history.item[row]] + span_days, habits.regularity
    ends = []
    for share in INTERVAL:
        w = betaincinv(own, 1 + own * history.orders[row], share)
        ends.append(np.minimum(scale * w / (1 - w), FARTHEST_DAYS).astype(np.float32))
    return ends[0], ends[1]


def has_rhythm(history: History | Histories, habits: RepeatHabits, *, now: np.datetime64) -> npt.NDArray[np.bool_]:
    """Return (m,) bool: what a person bought at least `FEWEST_ORDERS` times, and has not given up since."""
    elapsed = _elapsed_days(history.last, now)
    return np.asarray((history.orders >= FEWEST_ORDERS) & (elapsed <= GRACE_GAPS * habits.gaps_of(history)))


def likely_by(
    history: History | Histories, habits: RepeatHabits, row: npt.NDArray[np.intp], *, now: np.datetime64
) -> npt.NDArray[np.datetime64]:
    """Return (k,) datetime64[D]: the day by which the items of the rows `row` are as likely as not bought again.

    It is the median of the next gap, given that nothing came until `now`, so it is never before `now`::

        Pr(g > t) = Pr(g > elapsed) / 2
    """
    from scipy.special import betaincc, betainccinv  # slow to load, and no server needs it to rank

    last = history.last[row]
    span_days = (last - history.first[row]) / SECONDS_PER_DAY
    scale, own = habits.gap_days[history.item[row]] + span_days, habits.regularity
    rest, elapsed = 1 + own * history.orders[row], _elapsed_days(last, now)
    still = betaincc(own, rest, elapsed / (elapsed + scale))
    w = betainccinv(own, rest, still / 2)
    with np.errstate(divide="ignore"):
        days = np.minimum(scale * w / (1 - w), FARTHEST_DAYS)
    return due_days(last, np.maximum(days, elapsed))


def soonest_due(histories: Histories, habits: RepeatHabits, *, now: np.datetime64) -> npt.NDArray[np.datetime64]:
    """Return (n_users,) datetime64[D]: the first of the days `likely_by` of what each user has a rhythm for; or NaT."""
    never = np.iinfo(np.int64).max
    soonest = np.full(len(histories), never)
    for users, history in histories.chunks():
        row = np.flatnonzero(has_rhythm(history, habits, now=now))
        days = likely_by(history, habits, row, now=now).astype(np.int64)
        np.minimum.at(soonest, histories.users_of_rows(users)[row], days)
    nobody = soonest == never
    soonest[nobody] = 0
    days_of_users = soonest.astype("datetime64[D]")
    days_of_users[nobody] = np.datetime64("NaT")
    return days_of_users


def due_days(last: npt.NDArray[np.int64], gap_days: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.datetime64]:
    """Return (m,) datetime64[D]: the day `gap_days` after `last` (seconds since 1970)."""
    seconds = last + (gap_days * SECONDS_PER_DAY).astype(np.int64)
    return seconds.astype("datetime64[s]").astype("datetime64[D]")


def resting_items(events: Iterable[FreshEvent], habits: RepeatHabits, *, now: np.datetime64) -> frozenset[int]:
    """Return the items bought so lately that offering them again would be foolish.

    A purchase rests its item for `REST_SHARE` of the item's typical gap; milk returns in days, coffee in weeks.
    """
    gaps = habits.gap_days
    return frozenset(
        event.item_index
        for event in events
        if event.event == Event.PURCHASE
        and _elapsed_days(event.time.astype("datetime64[s]").astype(np.int64), now)
        < REST_SHARE * gaps[event.item_index]
    )


def _elapsed_days(last: npt.NDArray[np.int64] | np.int64, now: np.datetime64) -> npt.NDArray[np.float64]:
    seconds = now.astype("datetime64[s]").astype(np.int64) - last
    days: npt.NDArray[np.float64] = np.maximum(0, seconds) / SECONDS_PER_DAY
    return days
