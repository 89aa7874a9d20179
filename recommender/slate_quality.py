"""Slates beyond accuracy: how varied, how new, how widely spread is what is shown?

`ItemFacts` is what must be known of the items; `measure_slates` turns the lists of one ranker into one `SlateQuality`:
plain figures that travel as JSON beside the accuracy of the same lists, so that a gain here and a loss there are read
off one row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from recommender.evaluation_table import rounded
from recommender.holdout import Holdout
from recommender.interactions import SECONDS_PER_DAY, Interactions
from recommender.item_lists import ItemLists
from recommender.metrics import (
    Relevance,
    category_diversity,
    coverage,
    exposure_gini,
    freshness,
    item_age,
    ndcg,
    novelty,
    recall,
    relevance_by_title,
    repeated_categories,
    something_new,
    vector_diversity,
)
from recommender.purpose import Purpose

FIGURES = (
    "ndcg",
    "recall",
    "ndcg_by_title",
    "category_diversity",
    "vector_diversity",
    "repeated_categories",
    "coverage",
    "exposure_gini",
    "novelty",
    "freshness",
    "item_age",
    "something_new",
)
"""Names of the figures, accuracy first."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemFacts:
    """What the figures need to know of every item."""

    category: npt.NDArray[np.int32]
    """(n_items,) −1 where it is unknown."""
    vectors: npt.NDArray[np.float32]
    """(n_items, f)."""
    twin: npt.NDArray[np.int32]
    """(n_items,) equal for items of one title."""
    age_days: npt.NDArray[np.float64]
    """(n_items,) days since the first sale, infinite where there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlateQuality:
    """The figures of one ranker's lists."""

    ranker: str
    purpose: Purpose
    k: int
    n_users: int
    dial: float | None
    """The diversity dial of these lists; None where there is none, as for a baseline."""
    figures: Mapping[str, float]
    """A name of `FIGURES` → its mean over users, or the one figure of all lists."""
    ndcg_change: tuple[float, float, float] | None = None
    """Mean paired difference in nDCG to the reference lists, and the ends of its interval."""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {**dataclasses.asdict(self), "purpose": self.purpose.value, "figures": dict(self.figures)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`; raises what the constructor raises."""
        change = content["ndcg_change"]
        return cls(
            **{**content, "purpose": Purpose(content["purpose"]), "ndcg_change": None if change is None else (*change,)}
        )


def age_in_days(interactions: Interactions, *, now: np.datetime64) -> npt.NDArray[np.float64]:
    """Return (n_items,) the days from each item's first sale to `now`; infinite where it was never sold.

    The log may begin in the middle of the shop's life: an item sold on its first day is at least that old.
    """
    sold = interactions.purchases()
    end = now.astype("datetime64[s]").astype(np.int64)
    first = np.full(len(interactions.items), np.inf)
    np.minimum.at(first, sold.item, sold.time.astype("datetime64[s]").astype(np.float64))
    return np.where(np.isfinite(first), np.maximum(end - first, 0) / SECONDS_PER_DAY, np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredSlates:
    """The figures, and the nDCG of every user for paired differences."""

    figures: dict[str, float]
    ndcg: npt.NDArray[np.float64]
    """(n_users,) of the users with anything relevant."""


def measure_slates(lists: ItemLists, holdout: Holdout, facts: ItemFacts, *, purpose: Purpose, k: int) -> MeasuredSlates:
    """Measure the first `k` places of one ranking per user of `holdout`.

    Only users with something relevant to `purpose` count, as for accuracy, so that all figures speak of one crowd.
    """
    relevant = holdout.relevant(purpose)
    users = relevant.lengths > 0
    shown, bought = lists.select(users), relevant.select(users)
    relevance = Relevance.of(shown, bought, k=k)
    per_user = {
        "ndcg": ndcg(relevance),
        "recall": recall(relevance),
        "ndcg_by_title": ndcg(relevance_by_title(shown, bought, k=k, twin=facts.twin)),
        "category_diversity": category_diversity(shown, k=k, category=facts.category),
        "vector_diversity": vector_diversity(shown, k=k, vectors=facts.vectors),
        "repeated_categories": repeated_categories(shown, k=k, category=facts.category),
        "novelty": novelty(shown, k=k, buyers=holdout.buyers, n_users=holdout.n_train_users),
        "freshness": freshness(shown, k=k, age_days=facts.age_days),
        "item_age": item_age(shown, k=k, age_days=facts.age_days),
        "something_new": something_new(shown, k=k, owned=holdout.owned.select(users)),
    }
    figures = {name: float(values.mean()) if len(values) else 0.0 for name, values in per_user.items()}
    figures["coverage"] = coverage(shown, k=k, recommendable=holdout.known_item)
    figures["exposure_gini"] = exposure_gini(shown, k=k, recommendable=holdout.known_item)
    return MeasuredSlates({name: rounded(figures[name]) for name in FIGURES}, per_user["ndcg"])
