"""Whom "due within a week" singles out, and whether they buy what is said to be due.

For each of some weeks everything is worked out from what lies before it, as a campaign on its first morning would, and
compared with what was bought in it. Beside it stands the simplest audience of that kind, which is "whatever they bought
twice, from its expected day on until two gaps have passed"; and what the same customers bought of as many other things
that they have a rhythm for, drawn at random, which is what a mail that named those would have been right about.

The audience was chosen on the weeks before the last 28 days of the log; the last four weeks were looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.results import Row, at_least, at_most, figure
from recommender.confidence import Confidence
from recommender.histories import Histories
from recommender.interactions import SECONDS_PER_DAY, Interactions
from recommender.loyalty.due import FEWEST_ORDERS, GRACE_GAPS, due_days, has_rhythm, likely_by
from recommender.loyalty.regularity import with_regularity
from recommender.repeat import RepeatHabits

DAYS = 7
WEEKS = 4
LAST_DAYS = 28
"""Of the log, not looked at when the audience was chosen."""
SEED = 7

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Week:
    """Every item of every customer on the first morning of a week, back to back."""

    user: npt.NDArray[np.int64]
    came: Mask
    """Whether it was bought in the week."""
    often: Mask
    """Whether it was bought as often as a rhythm asks for."""
    due: Mask
    """Whether it is due within the week, as campaigns say it."""
    twice: Mask
    """Whether the simplest audience counts it."""

    @classmethod
    def of(cls, log: Interactions, category: npt.NDArray[np.int32], start: np.datetime64) -> Week:
        """Look at the week that begins at `start`."""
        past = Histories.from_interactions(log.between(None, start).purchases(), Confidence(), now=start)
        habits = with_regularity(RepeatHabits.from_histories(past, category), past)
        user = np.repeat(np.arange(len(past)), np.diff(past.indptr))
        after = log.between(start, start + np.timedelta64(DAYS, "D")).purchases().of_users()
        end, gap = start.astype("datetime64[D]") + np.timedelta64(DAYS, "D"), habits.gaps_of(past)
        due = np.zeros(len(user), dtype=np.bool_)
        row = np.flatnonzero(has_rhythm(past, habits, now=start))
        due[row] = likely_by(past, habits, row, now=start) <= end
        waited = (start.astype("datetime64[s]").astype(np.int64) - past.last) / SECONDS_PER_DAY
        return cls(
            user,
            np.isin(user * len(log.items) + past.item, after.user.astype(np.int64) * len(log.items) + after.item),
            past.orders >= FEWEST_ORDERS,
            due,
            (past.orders >= 2) & (due_days(past.last, gap) <= end) & (waited <= GRACE_GAPS * gap),
        )


@dataclass(slots=True)
class Tally:
    """What became of an audience over some weeks."""

    customers: int = 0
    picked: int = 0
    right: int = 0
    """Picked, and bought a thing that was named."""
    named: int = 0
    bought: int = 0
    """Of the things that were named."""

    def add(self, week: Week, named: Mask) -> None:
        """Count the audience of those to whom something is named."""
        self.customers += len(np.unique(week.user))
        self.picked += len(np.unique(week.user[named]))
        self.right += len(np.unique(week.user[named & week.came]))
        self.named += int(named.sum())
        self.bought += int((named & week.came).sum())


def rows(log: Interactions, category: npt.NDArray[np.int32]) -> Iterator[Row]:
    """Yield how many customers are picked, and how many of them buy a thing that was due, beside what else may be."""
    end = log.time[-1].astype("datetime64[D]").astype("datetime64[s]")
    before = end - np.timedelta64(LAST_DAYS, "D")
    for title, last in (("weeks before the last four", before), ("last four weeks", end)):
        weeks = [Week.of(log, category, last - np.timedelta64(DAYS * n, "D")) for n in range(1, WEEKS + 1)]
        yield from _rows(title, weeks)


def _rows(title: str, weeks: list[Week]) -> Iterator[Row]:
    rng = np.random.default_rng(SEED)
    due, twice, others, often = Tally(), Tally(), Tally(), Tally()
    for week in weeks:
        due.add(week, week.due)
        twice.add(week, week.twice)
        others.add(week, _as_many_others(week, rng))
        often.add(week, week.often)
    shares = [100 * tally.picked / tally.customers for tally in (due, twice)]
    yield figure(f"due within {DAYS} days, {title}: customers picked", shares[0], "%", goal=at_most(50),
                 peer=f"who bought twice and is not done with it: {shares[1]:.1f}%")  # fmt: skip
    right, simple, random = (tally.right / max(tally.picked, 1) for tally in (due, twice, others))
    beside = f"of as many other things: {random:.1%}; who bought twice and is not done with it: {simple:.1%}"
    title = f"due within {DAYS} days, {title}: picked customers who bought a thing that was due"
    yield figure(title, 100 * right, "%", goal=at_least(50), peer=beside)
    beside = (
        f"all things bought {FEWEST_ORDERS} times: {often.bought / often.named:.1%}; bought twice and not done with: "
    )
    title = title.replace("picked customers who bought a thing that was due", "things due that were bought")
    yield figure(title, 100 * due.bought / due.named, "%", peer=f"{beside}{twice.bought / twice.named:.1%}")


def _as_many_others(week: Week, rng: np.random.Generator) -> Mask:
    """Return as many things of each customer as are due to them, of those they have bought as often that are not."""
    wanted = np.bincount(week.user[week.due], minlength=int(week.user.max(initial=0)) + 1)
    row = np.flatnonzero(week.often & ~week.due)
    row = row[np.lexsort([rng.random(len(row)), week.user[row]])]
    place = np.arange(len(row)) - np.searchsorted(week.user[row], week.user[row])
    found = np.zeros(len(week.user), dtype=np.bool_)
    found[row[place < wanted[week.user[row]]]] = True
    return found
