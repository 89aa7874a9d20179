"""Who is new, who is loyal, who is about to leave: recency, frequency and money of every user.

The three figures are turned into scores from 1 to 5, the fifths of this shop's own customers, so that "recent" means
something else for a baker than for a furniture shop. A score is taken at the middle of a tie::

    score = 1 + ⌊5 · (share of customers below + ½ · share of customers equal)⌋

so that customers who are all alike are all 3.

A user is *on time* while the time since their last order is at most `PATIENCE` of their own usual gaps. Who shops every
fortnight is not at risk after ten days, whatever the others do. The first definition that fits gives the segment
(r, f, m are the scores):

========= ===================================================================
prospect  has bought nothing yet
new       one order, r ≥ 3
champion  r ≥ 4, f ≥ 4 and m ≥ 4
loyal     (r ≥ 3 or on time) and f ≥ 4
active    r ≥ 3 or on time
at risk   f ≥ 3 or m ≥ 4: a good customer who is later than usual
lapsed    r = 2
lost      r = 1
========= ===================================================================
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.interactions import SECONDS_PER_DAY, Interactions
from recommender.loyalty.orders import Orders

Scores = npt.NDArray[np.uint8]

PATIENCE = 1.5
"""Usual gaps between orders that may pass before a user is late."""


class Segment(enum.IntEnum):
    """Groups of users a shop speaks to differently. The numbers are a wire format: append, never renumber."""

    PROSPECT = 0
    NEW = 1
    CHAMPION = 2
    LOYAL = 3
    ACTIVE = 4
    AT_RISK = 5
    LAPSED = 6
    LOST = 7

    @property
    def label(self) -> str:
        """The name used on the command line, in files and in the API, such as ``at risk``."""
        return self.name.lower().replace("_", " ")

    @classmethod
    def parse(cls, label: str) -> Segment:
        """Return the segment called `label`; case, hyphens and underscores do not matter.

        >>> Segment.parse("at-risk")
        <Segment.AT_RISK: 5>

        Raises
        ------
        InvalidInput
            If no segment is called so; the message names the known ones.
        """
        try:
            return cls["_".join(label.upper().replace("-", " ").replace("_", " ").split())]
        except KeyError:
            known = ", ".join(segment.label for segment in cls)
            raise InvalidInput(f"{label!r} is no segment; known are {known}") from None


@dataclass(frozen=True, slots=True, eq=False)
class CustomerBase:
    """Recency, frequency, money and segment of every user.

    Raises
    ------
    InvalidInput
        If the columns differ in length.
    """

    recency_days: npt.NDArray[np.float32]
    """(n_users,) days since the last order; infinite for a prospect."""
    frequency: npt.NDArray[np.int32]
    """(n_users,) orders."""
    monetary: npt.NDArray[np.float64]
    """(n_users,) spent in total, in the shop's currency."""
    gap_days: npt.NDArray[np.float32]
    """(n_users,) mean days between two days with an order, which is at least 1; infinite with fewer than two."""
    recency_score: Scores
    """(n_users,) 1 (long ago) to 5 (lately); 0 for a prospect, as the two below."""
    frequency_score: Scores
    """(n_users,) 1 (seldom) to 5 (often)."""
    monetary_score: Scores
    """(n_users,) 1 (little) to 5 (much)."""
    segment: Scores
    """(n_users,) `Segment` numbers."""

    def __post_init__(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in self.__dataclass_fields__}
        if len(set(lengths.values())) != 1:
            raise InvalidInput(f"customer columns differ in length: {lengths}")

    @classmethod
    def from_interactions(cls, interactions: Interactions, *, now: np.datetime64) -> CustomerBase:
        """Describe every user of the log as of `now`; only purchases count, guests do not.

        Rows later than `now` count as happening then.
        """
        return cls.from_orders(Orders.from_interactions(interactions), now=now)

    @classmethod
    def from_orders(cls, orders: Orders, *, now: np.datetime64) -> CustomerBase:
        """Describe every user by their `orders`, as of `now`; orders later than `now` count as happening then."""
        frequency, monetary = orders.count(), orders.spent()
        recency, gap = _recency(orders, now), _gap(orders, now)
        scores = [_scores(column, of=frequency > 0) for column in (-recency, frequency, monetary)]
        return cls(
            recency_days=recency.astype(np.float32),
            frequency=frequency.astype(np.int32),
            monetary=monetary,
            gap_days=gap.astype(np.float32),
            recency_score=scores[0],
            frequency_score=scores[1],
            monetary_score=scores[2],
            segment=_segments(*scores, frequency=frequency, on_time=np.isfinite(gap) & (recency <= PATIENCE * gap)),
        )

    def __len__(self) -> int:
        """Return the number of users."""
        return len(self.segment)

    def select(self, keep: npt.NDArray[np.bool_]) -> CustomerBase:
        """Return the rows of the users in the mask `keep` (n_users,); they keep the scores they had among all."""
        return CustomerBase(**{name: getattr(self, name)[keep] for name in self.__dataclass_fields__})

    def members(self, segment: Segment) -> npt.NDArray[np.int32]:
        """Return (k,) the indices of the users in `segment`, ascending."""
        return np.flatnonzero(self.segment == segment).astype(np.int32)


def _recency(orders: Orders, now: np.datetime64) -> npt.NDArray[np.float64]:
    """Return (n_users,) days since the last order; infinite without one."""
    ago = np.maximum((now.astype("datetime64[s]") - orders.time).astype(np.int64), 0) / SECONDS_PER_DAY
    _, last = orders.first_and_last()
    recency = np.full(orders.n_users, np.inf)
    recency[orders.user[last]] = ago[last]
    return recency


def _gap(orders: Orders, now: np.datetime64) -> npt.NDArray[np.float64]:
    """Return (n_users,) mean days between order days; infinite with fewer than two.

    Whoever forgot the milk and comes back within the hour has no rhythm of an hour.
    """
    days = orders.until(now).by_day()
    first, last = days.first_and_last()
    user, gaps = days.user[first], last - first
    span = (days.time[last] - days.time[first]).astype(np.int64) / SECONDS_PER_DAY
    gap = np.full(orders.n_users, np.inf)
    gap[user[gaps > 0]] = span[gaps > 0] / gaps[gaps > 0]
    return gap


def _scores(column: npt.NDArray[np.float64] | npt.NDArray[np.int64], *, of: npt.NDArray[np.bool_]) -> Scores:
    """Return (n_users,): the fifth of the users in the mask `of` that each of them is in, 1 to 5; 0 for the others."""
    values = column[of]
    in_order = np.sort(values)
    below = np.searchsorted(in_order, values, side="left")
    up_to = np.searchsorted(in_order, values, side="right")
    # 1 + ⌊5 · (share below + ½ · share equal)⌋, in whole numbers: no rounding decides who is loyal
    scores = np.zeros(len(column), dtype=np.uint8)
    scores[of] = 1 + 5 * (below + up_to) // (2 * max(len(values), 1))
    return scores


def _segments(
    r: Scores, f: Scores, m: Scores, *, frequency: npt.NDArray[np.int64], on_time: npt.NDArray[np.bool_]
) -> Scores:
    definitions = {
        Segment.PROSPECT: frequency == 0,
        Segment.NEW: (frequency == 1) & (r >= 3),
        Segment.CHAMPION: (r >= 4) & (f >= 4) & (m >= 4),
        Segment.LOYAL: ((r >= 3) | on_time) & (f >= 4),
        Segment.ACTIVE: (r >= 3) | on_time,
        Segment.AT_RISK: (f >= 3) | (m >= 4),
        Segment.LAPSED: r == 2,
    }
    return np.select(list(definitions.values()), list(definitions), default=Segment.LOST).astype(np.uint8)
