"""What the shop said about its items, laid over more than one model at a time."""

from __future__ import annotations

import gc
import sys
import threading
import time
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from recommender.model import Model
from serving.live_catalogue import LiveCatalogue
from serving.stores.memory import MemoryItems
from tests.models import hostile_model, model_of, shop_model
from tests.planted import TINY

pytestmark = pytest.mark.anyio


@pytest.fixture
def many_turns() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


async def test_each_model_keeps_a_shelf_of_its_own() -> None:
    """Turning to another model throws nothing away, and what the shop says is heard by both."""
    catalogue, models = LiveCatalogue(MemoryItems()), (shop_model(), hostile_model())
    shelves = [catalogue.shelf(model) for model in models]
    sold_out = [model.items.ids[-1] for model in models]
    await catalogue.put({item_id: {"stock": 0, "price": 7.0} for item_id in sold_out})
    for model, shelf, item_id in zip(models, shelves, sold_out, strict=True):
        assert catalogue.shelf(model) is shelf
        assert np.flatnonzero(~shelf.in_stock).tolist() == [model.items.index(item_id)]
        assert shelf.price[model.items.index(item_id)] == catalogue.item(item_id, model).item.price == 7.0


@pytest.mark.usefixtures("many_turns")
async def test_threads_that_ask_for_two_models_get_each_its_own() -> None:
    """The engine's thread asks for one model while the event loop asks for the other."""
    catalogue, until = LiveCatalogue(MemoryItems()), time.monotonic() + 0.5
    await catalogue.put({f"nobody knows {number}": {"stock": 0} for number in range(1000)})
    wrong: list[str] = []

    def ask(model: Model) -> None:
        while time.monotonic() < until:
            for item_id in model.items.ids:
                fits = len(catalogue.shelf(model).in_stock) == len(model.items)
                if not fits or catalogue.item(item_id, model).item.item_id != item_id:
                    wrong.append(item_id)

    threads = [threading.Thread(target=ask, args=(model,)) for model in (shop_model(), hostile_model())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


async def test_a_model_that_nobody_answers_with_is_let_go() -> None:
    """The catalogue holds what it laid out, not the model."""
    catalogue, model = LiveCatalogue(MemoryItems()), model_of(next(iter(TINY.values())))
    catalogue.shelf(model)
    seen = weakref.ref(model)
    del model
    gc.collect()
    assert seen() is None
