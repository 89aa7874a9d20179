"""Splitting a log by time: what was known before the cut, what happened after it.

A split by time is the only honest one for purchases: a random one lets a model learn from next week.
Both sides share the id maps of the log, so indices mean the same on either side.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from recommender.errors import EmptyLog
from recommender.interactions import GUEST, Interactions


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Interactions before and from `cut`."""

    train: Interactions
    test: Interactions
    cut: np.datetime64
    """The first moment of the test side (datetime64[s], UTC)."""

    def known(self) -> Split:
        """Return the split whose test side names only users and items of its train side.

        Guests have no past, so none of their rows stay on the test side.
        """
        user_known = np.zeros(len(self.train.users), dtype=np.bool_)
        item_known = np.zeros(len(self.train.items), dtype=np.bool_)
        user_known[self.train.user[self.train.user != GUEST]] = True
        item_known[self.train.item] = True
        keep = self.test.user != GUEST
        keep[keep] = user_known[self.test.user[keep]]
        return dataclasses.replace(self, test=self.test.select(keep & item_known[self.test.item]))


def time_split(interactions: Interactions, cut: np.datetime64, *, end: np.datetime64 | None = None) -> Split:
    """Split at `cut`: train has ``time < cut``, test has ``cut <= time < end``.

    Parameters
    ----------
    interactions
        The log.
    cut
        The first moment of the test side.
    end
        The first moment after the test side; None takes everything up to the end of the log.

    Raises
    ------
    EmptyLog
        If one of the sides would be empty.
    """
    train, test = interactions.between(None, cut), interactions.between(cut, end)
    for side, name in ((train, "before"), (test, "from")):
        if not len(side):
            raise EmptyLog(
                f"no interactions {name} the cut {cut}; the log {_span(interactions)}. Choose a cut inside it"
            )
    return Split(train, test, cut.astype("datetime64[s]"))


def _span(interactions: Interactions) -> str:
    if not len(interactions):
        return "is empty"
    return f"runs from {interactions.time[0]} to {interactions.time[-1]}"
