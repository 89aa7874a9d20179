"""How good the outlook would have been some time ago, when it could not know what came after.

Everything is fitted on what lies before a cut and compared with what came in the days after it, beside what a shop
can say without any model. The days that are held out are the horizon of the outlook; a log that is shorter than three
times that is held out by a month, and one shorter than three months not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.confidence import Confidence
from recommender.errors import EmptyLog
from recommender.histories import Histories
from recommender.interactions import SECONDS_PER_DAY, Interactions
from recommender.loyalty.calibration import Accuracy, auc, brier
from recommender.loyalty.due import due_days, gap_interval
from recommender.loyalty.forecast import Forecast
from recommender.loyalty.naive import naive_outlook
from recommender.loyalty.orders import Orders
from recommender.loyalty.outlook import HORIZON_DAYS, SHORT_HORIZON_DAYS, Outlook
from recommender.loyalty.regularity import with_regularity
from recommender.loyalty.rfm import CustomerBase
from recommender.loyalty.summary import Summary
from recommender.repeat import RepeatHabits
from training.loyalty.figures import FORECAST, Calibration, Days, Staying

OWN_RATE, SAME_AGAIN, SHOP_MEAN = "own past rate", "as much as in the days before", "the shop's mean"
OWN_GAP, ITEM_GAP = "own mean gap", "the item's typical gap"

PAST_PER_HORIZON = 2
"""Days before the cut, for each day held out, that make a forecast fair."""

DUE_WITHIN_DAYS = 30
"""Items that run out within so many days of the cut are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsed:
    """A forecast of an earlier day, and what came."""

    cut: np.datetime64
    days: int
    past: Summary
    forecast: Forecast
    outlook: Outlook
    naive: Outlook
    before: Orders
    """Order days of as many days before the cut."""
    came: Orders
    """Order days after it."""

    @classmethod
    def of(cls, orders: Orders, *, now: np.datetime64) -> Rehearsed:
        """Forecast as of the cut.

        Raises
        ------
        EmptyLog
            If the log is too short, or had too few customers who came back.
        """
        cut, days = cut_of(orders, now=now)
        known = orders.between(None, cut)
        past = Summary.from_orders(known, now=cut)
        forecast = Forecast.fit(past)
        if forecast.buying is None:
            raise EmptyLog(f"before {cut}, {forecast.reasons['buying']}")
        return cls(
            cut,
            days,
            past,
            forecast,
            forecast.outlook(past),
            naive_outlook(CustomerBase.from_orders(known, now=cut), now=cut),
            known.between(cut - np.timedelta64(days, "D"), None).by_day(),
            orders.between(cut, cut + np.timedelta64(days, "D")).by_day(),
        )


def cut_of(orders: Orders, *, now: np.datetime64) -> tuple[np.datetime64, int]:
    """Return the midnight at which the log is cut, and the days held out.

    Raises
    ------
    EmptyLog
        If the log is too short.
    """
    first = orders.time.min() if len(orders) else now
    for days in (HORIZON_DAYS, SHORT_HORIZON_DAYS):
        cut = (now - np.timedelta64(days, "D")).astype("datetime64[D]").astype("datetime64[s]")
        if cut - first >= np.timedelta64(PAST_PER_HORIZON * days, "D"):
            return cut, days
    length = (now - first) / np.timedelta64(1, "D")
    needed = (PAST_PER_HORIZON + 1) * SHORT_HORIZON_DAYS
    raise EmptyLog(f"the log has {length:.0f} days of orders; {needed} are needed to hold a month out")


def calibrate(interactions: Interactions, category: npt.NDArray[np.int32], *, now: np.datetime64) -> Calibration:
    """Measure the outlook and due dates of `interactions`, which end at `now`; `category` is (n_items,).

    Raises
    ------
    EmptyLog
        If nothing can be held out.
    """
    done = Rehearsed.of(Orders.from_interactions(interactions), now=now)
    user = done.past.user
    dates = [] if done.forecast.rhythm is None else [_next_order(done)]
    dates += list(_due(interactions, category, done))
    return Calibration(
        cut=str(done.cut)[:10],
        days=done.days,
        orders=tuple(_accuracies(_expected_orders(done), done.came.count()[user])),
        money=tuple(_accuracies(_expected_money(done), done.came.spent()[user])),
        staying=_staying(done),
        dates=tuple(dates),
    )


def _accuracies(
    expected: dict[str, npt.NDArray[np.float64]], observed: npt.NDArray[np.float64] | npt.NDArray[np.int64]
) -> Iterator[Accuracy]:
    for name, values in expected.items():
        yield Accuracy.of(name, values, observed)


def _expected_orders(done: Rehearsed) -> dict[str, npt.NDArray[np.float64]]:
    user, ours = done.past.user, done.forecast.orders(done.past, ahead=done.days)
    own = done.naive.orders_90[user].astype(np.float64) * done.days / HORIZON_DAYS
    return _beside(ours, own, done.before.count()[user])


def _expected_money(done: Rehearsed) -> dict[str, npt.NDArray[np.float64]]:
    user, orders = done.past.user, done.forecast.orders(done.past, ahead=done.days)
    ours = None if orders is None else orders * done.forecast.money(done.past)
    own = done.naive.value_90[user].astype(np.float64) * done.days / HORIZON_DAYS
    return _beside(ours, own, done.before.spent()[user])


def _beside(
    ours: npt.NDArray[np.float64] | None,
    own_rate: npt.NDArray[np.float64],
    before: npt.NDArray[np.float64] | npt.NDArray[np.int64],
) -> dict[str, npt.NDArray[np.float64]]:
    """Name a forecast and the simpler ones."""
    again = before.astype(np.float64)
    simple = {OWN_RATE: own_rate, SAME_AGAIN: again, SHOP_MEAN: np.full(len(again), again.mean())}
    return simple if ours is None else {FORECAST: ours, **simple}


def _staying(done: Rehearsed) -> Staying | None:
    returns = done.forecast.returns(done.past, ahead=done.days)
    if returns is None:
        return None
    user, past = done.past.user, done.past
    returned = done.came.count()[user] > 0
    return Staying(
        n=len(user),
        returned=float(returned.mean()),
        auc=auc(returns, returned),
        auc_alive=auc(done.outlook.alive[user], returned),
        auc_recency=auc(past.last - past.age, returned),
        brier=brier(returns, returned),
        brier_mean=brier(np.full(len(user), returned.mean()), returned),
    )


def _next_order(done: Rehearsed) -> Days:
    first, _ = done.came.first_and_last()
    user = done.came.user[first]
    known = ~np.isnat(done.outlook.next_order[user])
    user, day = user[known], done.came.time[first][known].astype("datetime64[D]")
    outlook = done.outlook
    interval = outlook.next_order_from[user], outlook.next_order_until[user]
    return _days(
        "next order",
        day,
        outlook.next_order[user],
        interval,
        came=len(user) / max(len(done.past), 1),
        naive={OWN_GAP: done.naive.next_order[user]},
    )


def _due(interactions: Interactions, category: npt.NDArray[np.int32], done: Rehearsed) -> Iterator[Days]:
    """Yield how well the day was told on which an item runs out that was bought at least twice."""
    histories = Histories.from_interactions(
        interactions.between(None, done.cut).purchases(), Confidence(), now=done.cut
    )
    habits = with_regularity(RepeatHabits.from_histories(histories, category), histories)
    gap = habits.gaps_of(histories)
    day = due_days(histories.last, gap)
    today = done.cut.astype("datetime64[D]")
    case = np.flatnonzero(
        (histories.orders > 1) & (day >= today) & (day < today + np.timedelta64(DUE_WITHIN_DAYS, "D"))
    )
    if not len(case):
        return
    user = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))[case]
    item, last = histories.item[case], histories.last[case]
    came = _first_after(interactions, done, user, item)
    seen = ~np.isnat(came)
    if not seen.any():
        return
    case, last = case[seen], last[seen]
    low, high = gap_interval(histories, habits, case)
    own = (histories.last - histories.first)[case] / SECONDS_PER_DAY / (histories.orders[case] - 1)
    naive = {OWN_GAP: own.astype(np.float32), ITEM_GAP: habits.gap_days[item[seen]]}
    yield _days(
        "item bought again",
        came[seen],
        day[case],
        (due_days(last, low), due_days(last, high)),
        came=float(seen.mean()),
        naive={name: due_days(last, gaps) for name, gaps in naive.items()},
    )


def _first_after(
    interactions: Interactions, done: Rehearsed, user: npt.NDArray[np.int64], item: npt.NDArray[np.int32]
) -> npt.NDArray[np.datetime64]:
    """Return (k,) the day of the first purchase of each pair after the cut; NaT where none came."""
    rows = interactions.between(done.cut, done.cut + np.timedelta64(done.days, "D")).purchases().of_users()
    n_items = max(len(interactions.items), 1)
    key, first = np.unique(rows.user.astype(np.int64) * n_items + rows.item, return_index=True)
    wanted = user * n_items + item
    at = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
    came = np.full(len(wanted), "NaT", "datetime64[D]")
    if len(key):
        found = key[at] == wanted
        came[found] = rows.time[first[at[found]]].astype("datetime64[D]")
    return came


def _days(
    what: str,
    day: npt.NDArray[np.datetime64],
    expected: npt.NDArray[np.datetime64],
    interval: tuple[npt.NDArray[np.datetime64], npt.NDArray[np.datetime64]],
    *,
    came: float,
    naive: dict[str, npt.NDArray[np.datetime64]],
) -> Days:
    low, high = interval
    return Days(
        what=what,
        n=len(day),
        came=came,
        inside=float(((low <= day) & (day <= high)).mean()) if len(day) else 0.0,
        early=float((day < low).mean()) if len(day) else 0.0,
        error=_median_distance(day, expected),
        width=float(np.median((high - low).astype(np.int64))) if len(day) else 0.0,
        naive_errors={name: _median_distance(day, said) for name, said in naive.items()},
    )


def _median_distance(day: npt.NDArray[np.datetime64], expected: npt.NDArray[np.datetime64]) -> float:
    said = ~np.isnat(expected)
    return float(np.median(np.abs((day - expected)[said].astype(np.int64)))) if said.any() else 0.0
