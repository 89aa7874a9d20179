"""A model of a large shop: factors trained on a made-up log, and around them as much of everything as training keeps.

What is measured on it is time. So the factors, whose lengths and directions decide how early a search ends, are
trained; neighbours are drawn among items of one kind, as many for each as the settings say, and habits are made up.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import numpy.typing as npt

from benchmarks.made_up_log import MadeUpLog
from benchmarks.results import Skipped
from recommender.catalogue import Catalogue, Item
from recommender.confidence import Confidence
from recommender.factors import Factors
from recommender.histories import Histories
from recommender.ids import IdMap
from recommender.interactions import Interactions
from recommender.learning import DEFAULT_BLEND
from recommender.loyalty.outlook import Outlook
from recommender.loyalty.rfm import CustomerBase
from recommender.model import Model
from recommender.neighbours import Neighbours
from recommender.peers import Kinship, Peers
from recommender.popularity import Popularity
from recommender.repeat import RepeatHabits
from training.backends import make_backend
from training.progress import SilentProgress
from training.settings import AlsSettings

NEIGHBOURS = 50
"""What the settings keep of each item by default."""
SHELVES = 10
"""Categories per taste."""
BRANDS, MOST_EXPENSIVE = 300, 50
ITERATIONS = 5
AS_OF = np.datetime64("2024-01-01", "s")


def trained_factors(log: MadeUpLog, size: int) -> Factors:
    """Train vectors of `size` numbers.

    Raises
    ------
    Skipped
        If the solver is not installed.
    """
    if importlib.util.find_spec("numba") is None:
        raise Skipped("numba is not installed: pip install 'regulars[fast]'")
    settings = AlsSettings(factors=size, regularization=5.0, iterations=ITERATIONS, backend="numba")
    backend = make_backend(settings)
    backend.prepare(SilentProgress())
    return backend.fit(log.matrix, advance=lambda: None)


def made_up_model(log: MadeUpLog, factors: Factors) -> Model:
    """Return a model that knows no user yet: a guest is all that asks it."""
    rng = np.random.default_rng(1)
    items, buyers = log.matrix.items, log.matrix.confidence.getnnz(axis=0)
    nobody = nothing_bought(IdMap(()), items)
    return Model(
        users=nobody.users,
        items=items,
        catalogue=_catalogue(items, log.kind, rng),
        as_of=AS_OF,
        confidence=Confidence(),
        factors=Factors(factors.user[:0], factors.item, factors.regularization, factors.scaling),
        histories=Histories.from_interactions(nobody, Confidence(), now=AS_OF),
        similar=_neighbours(log.kind, buyers, rng),
        together=_neighbours(log.kind, buyers, rng),
        peers=Peers.from_interactions(nobody, Kinship()),
        popularity=_popularity(buyers, rng),
        repeat=RepeatHabits(_uniform(rng, 0.01, 0.3, len(items)), _uniform(rng, 5, 90, len(items))),
        blend=DEFAULT_BLEND,
        customers=CustomerBase.from_interactions(nobody, now=AS_OF),
        outlook=Outlook.unknown(0),
    )


def nothing_bought(users: IdMap, items: IdMap) -> Interactions:
    """Return an empty log."""
    none, number = np.empty(0, np.int32), np.empty(0, np.float32)
    return Interactions(
        users,
        items,
        user=none,
        item=none,
        event=none.astype(np.int8),
        quantity=number,
        amount=number.astype(np.float64),
        order=none,
        time=np.empty(0, "datetime64[s]"),
    )


def _catalogue(items: IdMap, kind: npt.NDArray[np.int64], rng: np.random.Generator) -> Catalogue:
    shelf, brand, price = (rng.integers(0, most, len(items)).tolist() for most in (SHELVES, BRANDS, MOST_EXPENSIVE))
    return Catalogue.from_items(
        [
            Item(
                item_id=item_id,
                title=f"item {item_id}",
                category=f"shelf {kind[at]}/{shelf[at]}",
                department=f"aisle {kind[at]}",
                brand=f"brand {brand[at]}",
                price=1.0 + price[at],
            )
            for at, item_id in enumerate(items)
        ]
    )


def _neighbours(kind: npt.NDArray[np.int64], buyers: npt.NDArray[np.int64], rng: np.random.Generator) -> Neighbours:
    """Draw neighbours of the same kind, bestsellers more often; the first is the nearest."""
    n = len(kind)
    drawn = np.zeros((n, NEIGHBOURS), dtype=np.int32)
    for number in range(int(kind.max()) + 1):
        of_kind = np.flatnonzero(kind == number)
        pull = buyers[of_kind] + 1.0
        drawn[of_kind] = rng.choice(of_kind, (len(of_kind), NEIGHBOURS), p=pull / pull.sum())
    weight = np.tile(np.linspace(0.2, 0.01, NEIGHBOURS, dtype=np.float32), n)
    return Neighbours(np.arange(n + 1, dtype=np.int64) * NEIGHBOURS, drawn.ravel(), weight)


def _popularity(buyers: npt.NDArray[np.int64], rng: np.random.Generator) -> Popularity:
    recent, week, season = (rng.binomial(buyers, share).astype(np.float32) for share in (1 / 12, 1 / 52, 1 / 12))
    trend = (recent + 5) / (buyers / 12 + 5)
    return Popularity(buyers.astype(np.float32), recent, week, season, trend.astype(np.float32))


def _uniform(rng: np.random.Generator, low: float, high: float, n: int) -> npt.NDArray[np.float32]:
    return rng.uniform(low, high, n).astype(np.float32)
