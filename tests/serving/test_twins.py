"""What happens to an item happens to all that bear its title: a shopper cannot tell them apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from serving.stores import Stores
from tests.models import paired_model
from tests.planted import item_id, user_id
from tests.serving.conftest import Serve, Served, ids, published, saved

pytestmark = pytest.mark.anyio

USER = user_id(3)


@pytest.fixture(name="pairs")
async def _pairs(serve: Serve, stores: Stores, tmp_path: Path) -> AsyncIterator[Served]:
    """The planted shop with two items of each title, published and served."""
    root = tmp_path / "artifacts"
    await published(saved(paired_model(), root), stores)
    async with serve(registry_root=root) as running:
        yield running


def twin_of(item: str) -> str:
    """The other item of its title."""
    index = paired_model().items.index(item)
    return item_id(index + 4 if index % 8 < 4 else index - 4)


async def report(shop: Served, event: str, item: str, **more: Any) -> None:
    """Let the user do something."""
    done = {"event": event, "user_id": USER, "item_id": item, **more}
    assert (await shop.post("/v1/events", {"events": [done]}, status=202))["rejected"] == []


async def shelves(shop: Served, **seeds: Any) -> dict[str, set[str]]:
    """All that each shelf of the user holds."""
    found = {}
    for placement in ("home", "email", "cart", "reorder", "trending", "bestsellers"):
        asked = {"user_id": USER, "placement": placement, "limit": 100, "seeds": seeds}
        found[placement] = set(ids(await shop.post("/v1/recommendations", asked)))
    return found


def owned_pair() -> tuple[str, str]:
    """Two items of one title that the user bought, and buys again."""
    model = paired_model()
    owned = [model.items.ids[item] for item in model.histories.of(model.users.index(USER)).owned.tolist()]
    return next((item, twin_of(item)) for item in owned if twin_of(item) in owned)


@pytest.mark.parametrize("event", ["not_interested", "return"])
async def test_a_refused_title_leaves_every_shelf(pairs: Served, event: str) -> None:
    """Own purchases included, from stored lists and computed ones; what is bought again returns with its title."""
    item, twin = owned_pair()
    assert twin in (await shelves(pairs))["reorder"]
    await report(pairs, event, item)
    for placement, shown in (await shelves(pairs)).items():
        assert not {item, twin} & shown, placement
    await report(pairs, "rating", twin, rating=5)
    assert {item, twin} <= (await shelves(pairs))["home"]


async def test_a_bought_title_rests(pairs: Served) -> None:
    """Who just bought one is not offered the other under the same name."""
    item, twin = owned_pair()
    await report(pairs, "purchase", item, order_id="o")
    for placement, shown in (await shelves(pairs)).items():
        assert not {item, twin} & shown, placement


async def test_a_title_in_the_cart_is_not_offered(pairs: Served) -> None:
    """Whether the cart is told of as events or with the question; taken out, both come back."""
    item, twin = owned_pair()
    assert not {item, twin} & (await shelves(pairs, cart=[item]))["cart"]
    await report(pairs, "add_to_cart", item)
    for placement, shown in (await shelves(pairs)).items():
        assert not {item, twin} & shown, placement
    await report(pairs, "remove_from_cart", item)
    assert {item, twin} <= (await shelves(pairs))["home"]
