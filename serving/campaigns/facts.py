"""What is known of every user of a model, as the columns that conditions speak of.

======================= ==============================================================================================
segment                 the segment of the version (`recommender.loyalty.rfm`)
recency_days            days from the last order to the moment of the send; not known without one
frequency, monetary     orders; money spent
gap_days                mean days between two days with an order; not known with fewer than two
alive                   probability of still being a customer (`recommender.loyalty.outlook`)
orders_30, orders_90    expected orders in the 30 or 90 days after the end of the log
value_90                expected money in those 90 days
days_to_next_order      days until the next order is expected; below 0 where it is overdue
due_within              days until somebody will as likely as not have bought an item that they have a rhythm for
bought_category         the categories somebody has bought in
======================= ==============================================================================================

For `due_within` an item counts that a person bought at least three times, until two of its gaps have passed without an
order (`recommender.loyalty.due`). What is overdue is due later every day, so it does not stay in an audience.
"""

from __future__ import annotations

import difflib

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.interactions import SECONDS_PER_DAY
from recommender.loyalty.due import soonest_due
from recommender.model import Model
from serving.campaigns.expression import Mask

Numbers = npt.NDArray[np.float64]

_SHOWN = 5


class ModelFacts:
    """Reads the columns off a model, each when it is first asked for.

    Parameters
    ----------
    model
        Whose users.
    now
        datetime64[s], UTC: the moment of the send.
    """

    def __init__(self, model: Model, *, now: np.datetime64) -> None:
        self._model = model
        self._now = now
        self._numbers: dict[str, Numbers] = {}

    def number(self, field: str) -> Numbers:
        """Return (n_users,) a figure, NaN where it is not known."""
        if field not in self._numbers:
            self._numbers[field] = self._read(field)
        return self._numbers[field]

    def segment(self) -> npt.NDArray[np.uint8]:
        """Return (n_users,) numbers of `Segment`."""
        return self._model.customers.segment

    def bought(self, category: str) -> Mask:
        """Return (n_users,) whether somebody bought in a category.

        Raises
        ------
        InvalidInput
            If no item has it; the message names similar ones.
        """
        index = self._model.catalogue.category_index(category)
        if index is None:
            raise InvalidInput(f"no item is of the category {category!r}; {self._similar(category)}")
        found = np.zeros(len(self._model.users), dtype=np.bool_)
        of_it = self._model.catalogue.category == index
        for users, history in self._model.histories.chunks():
            rows = of_it[history.item] & (history.orders > 0)
            found[users] = _any_of_user(self._model.histories.indptr, users, rows)
        return found

    @property
    def _elapsed_days(self) -> float:
        """Days from the end of the log to the send."""
        return max(0.0, float((self._now - self._model.as_of) / np.timedelta64(1, "s")) / SECONDS_PER_DAY)

    def _read(self, field: str) -> Numbers:
        customers, outlook = self._model.customers, self._model.outlook
        if field == "recency_days":
            return _known(customers.recency_days) + self._elapsed_days
        if field == "due_within":
            return self._days_until(soonest_due(self._model.histories, self._model.repeat, now=self._now))
        if field == "days_to_next_order":
            return self._days_until(outlook.next_order)
        source = customers if field in ("frequency", "monetary", "gap_days") else outlook
        return _known(getattr(source, field))

    def _days_until(self, day: npt.NDArray[np.datetime64]) -> Numbers:
        days = (day - self._now.astype("datetime64[D]")) / np.timedelta64(1, "D")
        return np.where(np.isnat(day), np.nan, days)

    def _similar(self, category: str) -> str:
        names = [name for name in self._model.catalogue.categories if name]
        by_case = {name.casefold(): name for name in names}
        near = difflib.get_close_matches(category.casefold(), list(by_case), n=_SHOWN, cutoff=0.5)
        shown = [by_case[name] for name in near] or sorted(names)[:_SHOWN]
        return f"there are {len(names):,}, such as {', '.join(repr(name) for name in shown)}"


def _any_of_user(indptr: npt.NDArray[np.int64], users: slice, rows: Mask) -> Mask:
    """Return whether any row of each user is marked; `rows` are those of all the users."""
    ends = indptr[users.start : users.stop + 1] - indptr[users.start]
    counted = np.concatenate([[0], np.cumsum(rows)])
    found: Mask = counted[ends[1:]] > counted[ends[:-1]]
    return found


def _known(column: npt.NDArray[np.float32] | npt.NDArray[np.float64] | npt.NDArray[np.int32]) -> Numbers:
    values = column.astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)
