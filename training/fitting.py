"""From interactions to a `Model`: every part fitted on the same rows, as of the same moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from recommender.blend import Blend
from recommender.catalogue import Catalogue
from recommender.confidence import Confidence
from recommender.diversity import Variety
from recommender.histories import Histories
from recommender.interactions import Interactions
from recommender.learning import DEFAULT_BLEND
from recommender.loyalty.forecast import Forecast
from recommender.loyalty.orders import Orders
from recommender.loyalty.regularity import with_regularity
from recommender.loyalty.rfm import CustomerBase
from recommender.loyalty.summary import Summary
from recommender.matrix import InteractionMatrix
from recommender.model import Model
from recommender.neighbours import Neighbours, Powers
from recommender.peers import Kinship, Peers
from recommender.popularity import Popularity
from recommender.repeat import RepeatHabits
from training.backends import Backend
from training.progress import Progress
from training.settings import TrainingSettings


@dataclass(frozen=True, slots=True, eq=False)
class ItemPairs:
    """Items that go together, by users and by baskets; they depend on `[neighbours]` and `[similar]` alone."""

    similar: Neighbours
    together: Neighbours

    def top(self, k: int) -> ItemPairs:
        """Return the same with at most `k` neighbours of each item."""
        return ItemPairs(self.similar.top(k), self.together.top(k))


def fit(
    interactions: Interactions,
    catalogue: Catalogue,
    settings: TrainingSettings,
    backend: Backend,
    *,
    now: np.datetime64,
    progress: Progress,
    blend: Blend | None = None,
    pairs: ItemPairs | None = None,
    stage: str = "fit",
) -> Model:
    """Fit a model on `interactions`, all of them before `now`; `stage` begins the names of its steps.

    Who fits several models on the same rows may hand over the `pairs` of an earlier one.
    """
    confidence = confidence_of(settings)
    with progress.step(f"{stage}: factors", total=settings.als.iterations) as step:
        matrix = InteractionMatrix.from_interactions(interactions, confidence, now=now)
        factors = backend.fit(matrix, advance=step.advance)
        step.note(f"{matrix.confidence.nnz:,} pairs, {factors.size} factors")
    if pairs is None:
        with progress.step(f"{stage}: neighbours", total=2) as step:
            pairs = item_pairs(interactions, settings, advance=step.advance)
    with progress.step(f"{stage}: habits and popularity"):
        histories = Histories.from_interactions(interactions, confidence, now=now)
        orders = Orders.from_interactions(interactions)
        past = Summary.from_orders(orders, now=now)
        return Model(
            users=interactions.users,
            items=interactions.items,
            catalogue=catalogue,
            as_of=now,
            confidence=confidence,
            factors=factors,
            histories=histories,
            similar=pairs.similar,
            together=pairs.together,
            peers=Peers.from_interactions(interactions, _kinship(settings)),
            popularity=Popularity.from_interactions(interactions, now=now),
            repeat=with_regularity(RepeatHabits.from_histories(histories, catalogue.category), histories),
            blend=DEFAULT_BLEND if blend is None else blend,
            customers=CustomerBase.from_orders(orders, now=now),
            outlook=Forecast.fit(past).outlook(past),
            variety=variety_of(settings),
        )


def confidence_of(settings: TrainingSettings) -> Confidence:
    """Return the formula of the matrix values as configured."""
    return Confidence(
        alpha=settings.confidence.alpha,
        half_life_days=settings.confidence.half_life_days,
        event_weights=settings.confidence.weights(),
    )


def variety_of(settings: TrainingSettings) -> Variety:
    """Return how varied slates are, as configured."""
    options = settings.slates
    return Variety(
        diversity=options.diversity, category_cap=options.category_cap or None, one_per_title=options.one_per_title
    )


def item_pairs(
    interactions: Interactions, settings: TrainingSettings, *, advance: Callable[[], None] = lambda: None
) -> ItemPairs:
    """Find the neighbours of every item; `advance` is called twice."""
    options, powers = settings.neighbours, settings.similar
    similar = Neighbours.from_users(
        interactions,
        k=options.k,
        shrinkage=options.shrinkage,
        max_items=options.max_items_per_user,
        powers=Powers(anchor=powers.anchor_power, neighbour=powers.neighbour_power, group=powers.user_power),
    )
    advance()
    together = Neighbours.from_baskets(
        interactions, k=options.k, shrinkage=options.shrinkage, max_basket=options.max_basket
    )
    advance()
    return ItemPairs(similar, together)


def _kinship(settings: TrainingSettings) -> Kinship:
    options = settings.peers
    return Kinship(
        k=options.k,
        rarity=options.rarity_power,
        modesty=options.user_power,
        discount=options.popularity_power,
    )
