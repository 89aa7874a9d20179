"""One person's ranking for one purpose, and the reasons of those of its items that somebody wants to see.

Finding reasons takes as long as ranking. A shelf shows twenty of four hundred ranked items, and which ones is known
only once the rules have spoken; so a ranking can be asked for reasons afterwards. A reason does not depend on what else
is asked about: items are always compared with the front of the whole ranking.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.candidates import Candidates, ReasonCode, Source
from recommender.features import Described, offered
from recommender.histories import History
from recommender.influence import Evidence, Influence
from recommender.model import Model
from recommender.purpose import Purpose
from recommender.ranking import Ranked, top_k
from recommender.reasons import BESIDE, explain
from recommender.tally import distinct


@dataclass(frozen=True, slots=True, eq=False)
class PersonalRanking:
    """What a person is offered, best first."""

    model: Model
    history: History
    purpose: Purpose
    evidence: Evidence
    best: Ranked
    """(k,) positions among the described candidates, with their scores; at least `BESIDE` if there are so many."""

    @classmethod
    def of(cls, evidence: Evidence, purpose: Purpose, *, k: int, may_return: npt.NDArray[np.bool_]) -> PersonalRanking:
        """Rank the candidates that a person was described by.

        Parameters
        ----------
        evidence
            The person and their candidates.
        purpose
            What to rank for.
        k
            How many items to return at most.
        may_return
            (n_items,) which items may be offered to who owns them.
        """
        model, history, described = evidence.model, evidence.history, evidence.described
        item = described.item
        keep = may_return[item] | ~history.owns(item)
        keep &= offered(purpose, history, item, cart=described.signals.cart)
        best = top_k(model.blend.score(described.features, purpose), max(k, BESIDE), keep=keep)
        return cls(model, history, purpose, evidence, best)

    @property
    def described(self) -> Described:
        """All candidates."""
        return self.evidence.described

    @property
    def ranked(self) -> Ranked:
        """The items with their scores."""
        return Ranked(self.described.item[self.best.item], self.best.score)

    def candidates(self, k: int) -> Candidates:
        """Return the `k` best; they name no reasons yet."""
        item = self.described.item[self.best.item[:k]]
        return Candidates.of(item, self.best.score[:k], source=self._source, reason=ReasonCode.POPULAR)

    def explain(self, shown: Candidates, rows: npt.NDArray[np.integer[Any]] | slice = slice(None)) -> Candidates:
        """Return `shown` with the reasons of the `rows` that are items of this ranking, each once."""
        item = self.described.item[self.best.item]
        by_item = np.argsort(item)
        place = by_item[item.searchsorted(shown.item[rows], sorter=by_item)]
        # The front comes along: it is what the others are compared with.
        asked = distinct(np.concatenate([np.arange(min(len(item), BESIDE)), place]))
        wanted = asked.searchsorted(place)
        blend = self.model.blend
        contributions = blend.contributions(self.described.features, self.purpose, self.best.item[asked])
        influence, cart = Influence(self.evidence, blend.weights(self.purpose)), self.described.signals.cart
        found = explain(
            self.model, self.history, item[asked], contributions, influence=influence, cart=cart, rows=wanted
        )
        reason, anchor = shown.reason.copy(), shown.anchor.copy()
        reason[rows], anchor[rows] = (column[wanted] for column in found)
        return dataclasses.replace(shown, reason=reason, anchor=anchor)

    @property
    def _source(self) -> Source:
        """The rung that the ranking stands on."""
        if self.purpose is Purpose.AGAIN:
            return Source.BUY_AGAIN
        if self.purpose is Purpose.CART and not len(self.history.owned):
            return Source.BOUGHT_TOGETHER
        return Source.FOLDED_IN if self.history.user_index is None else Source.PERSONAL
