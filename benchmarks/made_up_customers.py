"""A model of a shop with many customers: who bought what is made up, and everything that follows from it is not."""

from __future__ import annotations

import dataclasses

import numpy as np

from benchmarks.made_up_shop import nothing_bought
from recommender.catalogue import Catalogue, Item
from recommender.confidence import Confidence
from recommender.factors import Factors
from recommender.histories import HALF_LIVES_DAYS, Histories
from recommender.ids import IdMap
from recommender.interactions import SECONDS_PER_DAY
from recommender.learning import DEFAULT_BLEND
from recommender.loyalty.outlook import Outlook
from recommender.loyalty.rfm import CustomerBase, Segment
from recommender.model import Model
from recommender.neighbours import Neighbours
from recommender.peers import Kinship, Peers
from recommender.popularity import Popularity
from recommender.repeat import RepeatHabits

ITEMS, CATEGORIES = 20_000, 200
PAST = 8
"""Items that each customer bought."""
FACTORS = 16
NEIGHBOURS = 20
DAYS = 365
AS_OF = np.datetime64("2024-01-01", "s")


def customers_model(n_users: int) -> Model:
    """Return a model of so many customers."""
    rng = np.random.default_rng(0)
    users = IdMap(tuple(f"u{number:08}" for number in range(n_users)))
    items = IdMap(tuple(f"i{number:05}" for number in range(ITEMS)))
    histories = _histories(n_users, rng)
    buyers = np.bincount(histories.item, minlength=ITEMS).astype(np.float32)
    category = (np.arange(ITEMS) % CATEGORIES).astype(np.int32)
    neighbours = Neighbours(
        np.arange(ITEMS + 1, dtype=np.int64) * NEIGHBOURS,
        rng.integers(0, ITEMS, ITEMS * NEIGHBOURS).astype(np.int32),
        np.tile(np.linspace(0.2, 0.01, NEIGHBOURS, dtype=np.float32), ITEMS),
    )
    of_users, of_items = (rng.normal(size=(n, FACTORS)).astype(np.float32) for n in (n_users, ITEMS))
    factors = Factors(of_users, of_items, 1.0)
    recent, week, season = ((buyers / share).astype(np.float32) for share in (12, 52, 4))
    return Model(
        users=users,
        items=items,
        catalogue=_catalogue(items),
        as_of=AS_OF,
        confidence=Confidence(),
        factors=factors,
        histories=histories,
        similar=neighbours,
        together=neighbours,
        peers=Peers.from_interactions(nothing_bought(users, items), Kinship()),
        popularity=Popularity(buyers, recent, week, season, np.ones(ITEMS, np.float32)),
        repeat=RepeatHabits.from_histories(histories, category),
        blend=DEFAULT_BLEND,
        customers=_customers(n_users, rng),
        outlook=_outlook(n_users, rng),
    )


def _histories(n_users: int, rng: np.random.Generator) -> Histories:
    """Draw what was bought; what many buy, many buy."""
    n = n_users * PAST
    # One item of each stratum, so that items ascend within a user without being sorted.
    stratum = ITEMS // PAST
    pull = (stratum * rng.random(n) ** 3).astype(np.int32)
    item = (np.tile(np.arange(PAST, dtype=np.int32) * stratum, n_users) + pull).astype(np.int32)
    end = int(AS_OF.astype(np.int64))
    last = end - rng.integers(0, DAYS * SECONDS_PER_DAY, n)
    orders = rng.integers(1, 6, n).astype(np.float32)
    first = last - (orders.astype(np.int64) - 1) * 20 * SECONDS_PER_DAY
    age = ((end - last) / SECONDS_PER_DAY).astype(np.float32)
    decayed = np.stack([orders * np.exp2(-age / h) for h in HALF_LIVES_DAYS], axis=1).astype(np.float32)
    indptr = np.arange(n_users + 1, dtype=np.int64) * PAST
    return Histories(AS_OF, indptr, item, orders, first, last, decayed, 1 + orders)


def _customers(n_users: int, rng: np.random.Generator) -> CustomerBase:
    """Draw customers who spent from 0 to 100."""
    score = rng.integers(1, 6, (3, n_users)).astype(np.uint8)
    return CustomerBase(
        recency_days=rng.uniform(0, DAYS, n_users).astype(np.float32),
        frequency=rng.integers(1, 40, n_users).astype(np.int32),
        monetary=rng.uniform(0, 100, n_users),
        gap_days=rng.uniform(5, 60, n_users).astype(np.float32),
        recency_score=score[0],
        frequency_score=score[1],
        monetary_score=score[2],
        segment=rng.integers(1, len(Segment), n_users).astype(np.uint8),
    )


def _outlook(n_users: int, rng: np.random.Generator) -> Outlook:
    day = AS_OF.astype("datetime64[D]") + rng.integers(0, 60, n_users).astype("timedelta64[D]")
    return dataclasses.replace(Outlook.unknown(n_users), next_order=day)


def _catalogue(items: IdMap) -> Catalogue:
    return Catalogue.from_items(
        [
            Item(
                item_id=item_id,
                title=f"Green tea no. {at}, loose",
                category=f"shelf {at % CATEGORIES}",
                url=f"https://shop.example/items/{item_id}",
                image_url=f"https://img.shop.example/{item_id}.webp",
                price=1.0 + at % 40,
            )
            for at, item_id in enumerate(items)
        ]
    )
