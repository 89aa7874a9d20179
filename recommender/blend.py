"""One linear mix of many small signals, with weights per purpose.

A candidate is described by the features below; its score is their weighted sum. The same few lines rank everyone
at training time, one user with a fresh purchase on line, and a guest: whatever a person's past is, it becomes
features, and features have weights. Weights are learned on a validation window in the past (`recommender.learning`).

Buying again, discovering and filling a basket are different tasks, so each `Purpose` has its own weights.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.purpose import Purpose


class Component(enum.IntEnum):
    """What a feature speaks for; explanations are given at this level."""

    HABIT = 0
    FACTORS = 1
    SIMILAR = 2
    TOGETHER = 3
    CATEGORY = 4
    POPULARITY = 5
    CART = 6
    PEERS = 7


FEATURES: dict[str, Component] = {
    "owned": Component.HABIT,
    "bought_week": Component.HABIT,
    "bought_month": Component.HABIT,
    "bought_season": Component.HABIT,
    "orders": Component.HABIT,
    "bought_once": Component.HABIT,
    "rest_days": Component.HABIT,
    "due": Component.HABIT,
    "owned_repeat_rate": Component.HABIT,
    "owned_popular_week": Component.HABIT,
    "factors": Component.FACTORS,
    "factors_log": Component.FACTORS,
    "similar": Component.SIMILAR,
    "similar_log": Component.SIMILAR,
    "together": Component.TOGETHER,
    "together_log": Component.TOGETHER,
    "peers": Component.PEERS,
    "peers_log": Component.PEERS,
    "category_taste": Component.CATEGORY,
    "category_affinity": Component.CATEGORY,
    "category_rest_days": Component.CATEGORY,
    "popular": Component.POPULARITY,
    "popular_month": Component.POPULARITY,
    "popular_week": Component.POPULARITY,
    "popular_season": Component.POPULARITY,
    "popular_week_root": Component.POPULARITY,
    "repeat_rate": Component.POPULARITY,
    "cart_together": Component.CART,
    "cart_together_log": Component.CART,
    "cart_similar_log": Component.CART,
    "cart_category": Component.CART,
}
"""Every feature in the order of the columns, and the component it belongs to; `recommender.features` defines them."""

COMPONENT_OF = np.array(list(FEATURES.values()), dtype=np.int64)
"""(n_features,) `Component` numbers."""

_MEMBERSHIP = np.eye(len(Component), dtype=np.float32)[COMPONENT_OF]
"""(n_features, n_components) 1 where the feature speaks for the component."""


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """Feature weights of every purpose.

    Raises
    ------
    InvalidInput
        If a weight is missing, not finite, or belongs to no feature.
    """

    all: npt.NDArray[np.float32]
    """(n_features,) weights for ranking everything."""
    new: npt.NDArray[np.float32]
    """(n_features,) weights for ranking what the user does not own."""
    again: npt.NDArray[np.float32]
    """(n_features,) weights for ranking what the user owns."""
    cart: npt.NDArray[np.float32]
    """(n_features,) weights for completing the basket that is being filled."""

    def __post_init__(self) -> None:
        for purpose in Purpose:
            weights = self.weights(purpose)
            if weights.shape != (len(FEATURES),) or not np.isfinite(weights).all():
                raise InvalidInput(f"blend {purpose}: {len(FEATURES)} finite weights are needed, not {weights.shape}")

    @classmethod
    def from_weights(cls, weights: Mapping[Purpose, Mapping[str, float]]) -> Self:
        """Build from weights by feature name; a feature that is not named weighs nothing."""
        for purpose, named in weights.items():
            if unknown := sorted(set(named) - set(FEATURES)):
                raise InvalidInput(
                    f"blend {purpose}: no feature is called {unknown[0]!r}; known are {', '.join(FEATURES)}"
                )
        return cls(**{
            purpose.value: np.array([weights.get(purpose, {}).get(name, 0.0) for name in FEATURES], dtype=np.float32)
            for purpose in Purpose
        })  # fmt: skip

    def weights(self, purpose: Purpose) -> npt.NDArray[np.float32]:
        """Return (n_features,) the weights of one purpose."""
        weights: npt.NDArray[np.float32] = getattr(self, purpose.value)
        return weights

    def named(self, purpose: Purpose) -> dict[str, float]:
        """Return the weights of one purpose by feature name."""
        return dict(zip(FEATURES, self.weights(purpose).tolist(), strict=True))

    def score(self, features: npt.NDArray[np.float32], purpose: Purpose) -> npt.NDArray[np.float32]:
        """Return (k,) scores of candidates described by `features` (k, n_features)."""
        scores: npt.NDArray[np.float32] = features @ self.weights(purpose)
        return scores

    def contributions(self, features: npt.NDArray[np.float32], purpose: Purpose) -> npt.NDArray[np.float32]:
        """Return (k, n_components): how much each component adds to a score, compared with the average candidate."""
        parts = (features - features.mean(axis=0, keepdims=True)) * self.weights(purpose)
        sums: npt.NDArray[np.float32] = parts @ _MEMBERSHIP
        return sums
