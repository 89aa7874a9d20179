"""Small real models, trained on planted logs the way `training.fitting` trains a large one.

Serving, campaigns and the engine's laws all need a `Model` that learned something true; none of them should wait
for one. A planted shop takes half a second, and each is trained once per test process.
"""

from __future__ import annotations

import dataclasses
import functools
from datetime import UTC, datetime

import numpy as np

from recommender.catalogue import Catalogue, Item
from recommender.diversity import DEFAULT_CATEGORY_CAP
from recommender.engine import Engine
from recommender.interactions import Interactions
from recommender.manifest import Provenance
from recommender.model import Model
from recommender.request import SlateRequest
from recommender.rules import Shelf
from recommender.slate import Slate
from tests import planted
from training.backends import make_backend
from training.fitting import fit
from training.progress import SilentProgress
from training.settings import AlsSettings, ConfidenceSettings, NeighbourSettings, PeerSettings, TrainingSettings

SETTINGS = TrainingSettings(
    als=AlsSettings(factors=8, iterations=8, regularization=1.0),
    neighbours=NeighbourSettings(k=20, shrinkage=2.0),
    peers=PeerSettings(k=20),
    confidence=ConfidenceSettings(alpha=10.0, half_life_days=180.0),
)
"""Enough to find four tastes among 120 items."""

PROVENANCE = Provenance(data_fingerprint="planted", rows={"interactions": 1}, metrics={"all": {"ndcg@10": 0.5}})
"""What a manifest says of a planted model."""


def plain_catalogue(log: Interactions) -> Catalogue:
    """Return a catalogue in which every item is called by its id, in two categories, with a price."""
    items = [
        Item(item_id=item_id, title=item_id, category=f"category {index % 2}", price=1.0 + index)
        for index, item_id in enumerate(log.items)
    ]
    return Catalogue.from_items(items)


def model_of(
    log: Interactions,
    catalogue: Catalogue | None = None,
    *,
    now: np.datetime64 | None = None,
    settings: TrainingSettings = SETTINGS,
) -> Model:
    """Train on `log` as of `now`, or as of one second after its last row."""
    end = max(log.time, default=planted.START) + np.timedelta64(1, "s") if now is None else now
    catalogue = plain_catalogue(log) if catalogue is None else catalogue
    return fit(log, catalogue, settings, make_backend(settings.als), now=end, progress=SilentProgress())


@functools.cache
def shop_model() -> Model:
    """Return the model of `planted.shop`, its whole year."""
    shop = planted.shop()
    return model_of(shop.log, shop.catalogue)


@functools.cache
def paired_model() -> Model:
    """Return the model of the same shop in which items 4 apart bear one title: two of each."""
    shop = planted.shop()
    items = [shop.catalogue.item(index, item_id=item_id) for index, item_id in enumerate(shop.log.items)]
    titled = [dataclasses.replace(item, title=f"Thing {index % 4} of {index // 8}") for index, item in enumerate(items)]
    return dataclasses.replace(shop_model(), catalogue=Catalogue.from_items(titled))


@functools.cache
def tiny_model(name: str) -> Model:
    """Return the model of one of the smallest logs, `planted.TINY`."""
    return model_of(planted.TINY[name])


@functools.cache
def hostile_model() -> Model:
    """Return the model of `planted.hostile`: ids that break naive keys and paths."""
    return model_of(planted.hostile())


def engine_of(model: Model, *, category_cap: int | None = DEFAULT_CATEGORY_CAP) -> Engine:
    """Return an engine over `model` with a version that looks like one."""
    variety = dataclasses.replace(model.variety, category_cap=category_cap)
    return Engine(model, version="20240101-0123456789ab", variety=variety)


def open_shelf(model: Model) -> Shelf:
    """Return a shelf on which everything is in stock, at the catalogue's prices."""
    return Shelf(in_stock=np.ones(len(model.items), dtype=np.bool_), price=model.catalogue.price.copy())


def without_neighbours(model: Model) -> Model:
    """Return the same model as of a log in which no two items ever met."""
    nothing = dataclasses.replace(
        model.similar,
        indptr=np.zeros(len(model.items) + 1, dtype=np.int64),
        item=np.empty(0, dtype=np.int32),
        weight=np.empty(0, dtype=np.float32),
    )
    return dataclasses.replace(model, similar=nothing, together=nothing)


def recommend(engine: Engine, request: SlateRequest) -> Slate:
    """Ask an engine, just after the end of its log."""
    created = datetime(2024, 12, 31, tzinfo=UTC)
    return engine.recommend(request, now=engine.model.as_of, slate_id="slate", created_at=created)
