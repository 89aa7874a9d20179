"""Several shelves at once are what they are one by one, without repeating an item."""

from __future__ import annotations

from typing import Any

import pytest

from serving.stores import UserRecord
from serving.stores.memory import MemorySlates, MemoryStores
from tests.planted import item_id, user_id
from tests.serving.conftest import Serve, Served, Shelves, ids, published

pytestmark = pytest.mark.anyio

VARYING = ("slate_id", "created_at")


def plain(slate: dict[str, Any]) -> dict[str, Any]:
    """A slate without what differs each time."""
    return {name: value for name, value in slate.items() if name not in VARYING}


async def slates(shop: Served, *requests: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    body = await shop.post("/v1/slates", {"requests": requests, **options})
    found: list[dict[str, Any]] = body["slates"]
    return found


async def test_each_answer_is_the_one_it_would_be_alone(shop: Served) -> None:
    """Without de-duplication, a batch is its questions one after the other."""
    requests: list[dict[str, Any]] = [
        {"user_id": user_id(3), "limit": 5},
        {"user_id": user_id(3), "placement": "reorder"},
        {"user_id": "stranger"},
        {"guest": True, "placement": "product", "seeds": {"viewed": [item_id(4)]}},
        {"user_id": user_id(9), "placement": "cart", "seeds": {"cart": [item_id(1)]}, "reasons": False},
        {"guest": True, "placement": "trending", "filters": {"price_max": 20}},
    ]
    alone = [await shop.post("/v1/recommendations", request) for request in requests]
    together = await slates(shop, *requests, distinct=False)
    assert [plain(slate) for slate in together] == [plain(slate) for slate in alone]
    assert len({slate["slate_id"] for slate in together}) == len(requests)


async def test_no_item_is_on_two_shelves_of_a_user(shop: Served) -> None:
    """The first shelf is as it would be alone; every further one goes without what stands above it."""
    requests = [{"user_id": user_id(3), "placement": name} for name in ("home", "reorder", "email", "bestsellers")]
    found = await slates(shop, *requests)
    shown = [item for slate in found for item in ids(slate)]
    assert len(shown) == len(set(shown))
    assert all(len(slate["items"]) for slate in found)
    assert plain(found[0]) == plain(await shop.post("/v1/recommendations", requests[0]))


async def test_users_do_not_take_items_from_each_other(shop: Served) -> None:
    """Two recipients of a mailing may be offered the same."""
    found = await slates(shop, {"user_id": "stranger"}, {"user_id": "somebody else"})
    assert ids(found[0]) == ids(found[1])


class Counting(MemorySlates):
    """Counts reads."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    async def read_user(self, user_id: str, *, version: str | None) -> UserRecord:
        self.read.append(user_id)
        return await super().read_user(user_id, version=version)


async def test_every_user_is_read_once(serve: Serve, registry: Shelves) -> None:
    """However many shelves a user has: one round trip for all."""
    stores = MemoryStores()
    stores.slates = Counting()
    await published(registry.shop, stores)
    async with serve(store=stores) as shop:
        await slates(shop, *({"user_id": user_id(n % 2), "placement": "home", "limit": 3} for n in range(6)))
    assert stores.slates.read == [user_id(0), user_id(1)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"requests": []},
        {"requests": [{"limit": 0}]},
        {"requests": [{}] * 101},
        {"requests": [{"limit": 100}] * 11},
        {"requests": [{}], "unique": True},
    ],
)
async def test_wrong_batches_are_refused(shop: Served, body: dict[str, Any]) -> None:
    """None, too many, a wrong one, an unknown key: 422, and it says where."""
    response = await shop.client.post("/v1/slates", json=body)
    assert response.status_code == 422
    assert response.json()["errors"]
