"""The rungs on which the learned blend ranks, for one request.

They rank when a ladder reaches them and remember the ranking, so that reasons are sought only for the items that
ended up on the shelf (`PersonalRanking.explain`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from recommender.candidates import Candidates
from recommender.ladder import DEPTH, Blended
from recommender.model import Model
from recommender.personal import PersonalRanking
from recommender.purpose import Purpose
from recommender.request import SlateRequest

_NO_RANKING = -1

Rank = Callable[[SlateRequest, Purpose, np.datetime64], PersonalRanking | None]


class PersonalRungs:
    """What this person may want, needs again, or is about to buy together.

    Parameters
    ----------
    rank
        Ranks for a purpose; None if nothing is known of the person.
    """

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        self._rankings: list[PersonalRanking] = []
        self._origin = np.empty(0, dtype=np.int64)
        self.blended = Blended(personal=self._personal, buy_again=self._buy_again, completing=self._completing)

    def note(self, shown: Candidates, made_before: int) -> None:
        """Remember that what is new at the end of `shown` came from the rung before which so many rankings existed."""
        number = made_before if len(self._rankings) > made_before else _NO_RANKING
        self._origin = np.append(self._origin, np.full(len(shown) - len(self._origin), number))

    def __len__(self) -> int:
        """Return how many rankings were made."""
        return len(self._rankings)

    def explained(self, shown: Candidates, order: npt.NDArray[np.intp]) -> Candidates:
        """Return the rows `order` of `shown`, with the reasons of those that were ranked here."""
        result, origin = shown.select(order), self._origin[order]
        for number, ranking in enumerate(self._rankings):
            rows = np.flatnonzero(origin == number)
            if len(rows):
                result = ranking.explain(result, rows)
        return result

    def _personal(self, _: Model, request: SlateRequest, now: np.datetime64) -> Candidates:
        """The person's stored candidates, or what their past says now."""
        if request.candidates is not None:
            return request.candidates
        return self._ranked(request, Purpose.NEW if request.new_only else Purpose.ALL, now)

    def _buy_again(self, _: Model, request: SlateRequest, now: np.datetime64) -> Candidates:
        """What the person owns, most needed first."""
        return self._ranked(request, Purpose.AGAIN, now)

    def _completing(self, _: Model, request: SlateRequest, now: np.datetime64) -> Candidates:
        """What goes with the items in the cart, for this person or for a stranger."""
        return self._ranked(request, Purpose.CART, now) if request.cart else Candidates.empty()

    def _ranked(self, request: SlateRequest, purpose: Purpose, now: np.datetime64) -> Candidates:
        ranking = self._rank(request, purpose, now)
        if ranking is None:
            return Candidates.empty()
        self._rankings.append(ranking)
        return ranking.candidates(DEPTH)
