"""Guests, and what becomes of them; users whose picks come back."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

from recommender.errors import StoreUnavailable
from serving.clock import DataClock
from serving.settings import AppSettings
from serving.stores.redis import RedisStores
from tests.planted import item_id, user_id
from tests.serving.conftest import Serve, Served, Shelves, ids, published
from tests.serving.switch import Switch

pytestmark = pytest.mark.anyio

GUEST = {"anonymous_id": "b/1 空"}


def views(*items: int) -> list[dict[str, Any]]:
    return [{"event": "click", "item_id": item_id(item), **GUEST} for item in items]


async def source(shop: Served, **question: Any) -> str:
    slate = await shop.post("/v1/recommendations", question)
    found: str = slate["source"]
    return found


class JumpingClock(DataClock):
    """The data clock, some days later."""

    days = 0

    def now(self, as_of: np.datetime64) -> np.datetime64:
        later: np.datetime64 = super().now(as_of) + np.timedelta64(self.days, "D")
        return later


async def test_what_is_bought_again_returns_when_it_is_due(serve: Serve, stores: Any, registry: Shelves) -> None:
    """A bought item leaves for half its usual gap, and is there again afterwards."""
    await published(registry.shop, stores)
    clock = JumpingClock()
    path = f"/v1/users/{user_id(3)}/buy-again"
    async with serve(clock=clock) as shop:
        first = ids(await shop.get(path))[0]
        bought = {"event": "purchase", "user_id": user_id(3), "item_id": first}
        await shop.post("/v1/events", {"events": [bought]}, status=202)
        assert first not in ids(await shop.get(path, limit=50))
        model = registry.shop.model
        gap = int(np.ceil(model.repeat.gap_days[model.items.index(first)]))
        clock.days = gap
        assert first in ids(await shop.get(path, limit=50))


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a batch"])
async def test_the_first_shelf_after_a_sign_in_knows_the_guest(shop: Served, *, together: bool) -> None:
    """What the guest put into the cart, refused and looked at counts for the user before any merge was told."""
    user = user_id(3)

    async def shelf(**question: Any) -> list[str]:
        if not together:
            return ids(await shop.post("/v1/recommendations", {"user_id": user, **question}))
        other = {"user_id": user_id(5), **GUEST}
        return ids((await shop.post("/v1/slates", {"requests": [{"user_id": user, **question}, other]}))["slates"][0])

    first, second, *_ = before = await shelf()
    events = [
        {"event": "add_to_cart", "item_id": first, **GUEST},
        {"event": "not_interested", "item_id": second, **GUEST},
    ]
    await shop.post("/v1/events", {"events": events}, status=202)
    assert await shelf() == before
    assert not {first, second} & {*await shelf(**GUEST)}
    assert await shelf(personal=False, **GUEST) == await shelf(personal=False)
    await shop.post("/v1/users:merge", {**GUEST, "user_id": user})
    assert await shelf() == await shelf(**GUEST)


async def test_a_guest_who_is_named_beside_a_stranger_shapes_the_shelf(shop: Served) -> None:
    """Somebody new who signs in keeps the shelf that follows what they looked at; one who was erased does not."""
    await shop.post("/v1/events", {"events": views(0, 4, 8)}, status=202)
    assert await source(shop, user_id="new") == "popular"
    assert await source(shop, user_id="new", **GUEST) == "folded_in"
    await shop.client.delete("/v1/users/new")
    assert await source(shop, user_id="new", **GUEST) == "popular"


async def test_an_erased_user_is_joined_to_nobody(shop: Served, stores: RedisStores) -> None:
    """Neither by a merge after the erasure, nor by events of a guest who was merged before it."""
    await shop.post("/v1/events", {"events": views(0, 4)}, status=202)
    body = {**GUEST, "user_id": "gone"}
    assert (await shop.post("/v1/users:merge", body))["moved"] == 2
    await shop.client.delete("/v1/users/gone")
    await shop.post("/v1/events", {"events": views(8)}, status=202)
    assert await stores.connection.command("KEYS", "regulars:fresh:*") == []
    assert (await shop.post("/v1/users:merge", {**GUEST, "user_id": "gone"}))["moved"] == 0
    assert await source(shop, user_id="gone") == "popular"


async def test_each_sign_in_on_a_shared_device_is_written_down(shop: Served, settings: AppSettings) -> None:
    """Two people take turns: the files say so each time, and repeating it over and over adds little."""
    for user in [*"abab", *"bbbbbbbb", *"ab"]:
        await shop.post("/v1/users:merge", {**GUEST, "user_id": user})
    await shop.state.drain.run_once()
    told = "".join(path.read_text() for path in settings.events_dir.glob("events-*"))
    users = [json.loads(line)["user_id"] for line in told.splitlines()]
    assert [user for user, _ in itertools.groupby(users)] == [*"ababab"]
    assert len(users) == len("ababab") + 1


async def test_a_merge_without_redis_is_made_up_for(
    serve: Serve, registry: Shelves, stores: RedisStores, settings: AppSettings
) -> None:
    """It goes to a file like any event, and the guest's events are the user's once Redis is back."""
    await published(registry.shop, stores)
    switch = Switch(settings.redis.url or "")
    await switch.on()
    road = RedisStores.connect(switch.url, settings)
    try:
        async with serve(store=road) as shop:
            await shop.post("/v1/events", {"events": views(0, 4, 8)}, status=202)
            await switch.off()
            answer = await shop.post("/v1/users:merge", {**GUEST, "user_id": "late"})
            assert (answer["moved"], answer["kept_in"]) == (0, "file")
            await switch.on()
            while not await _drained(shop):
                pass
            assert await source(shop, user_id="late") == "folded_in"
            assert await source(shop, **GUEST) == "popular"
    finally:
        await road.close()
        await switch.off()


async def _drained(shop: Served) -> bool:
    try:
        await shop.state.drain.run_once()
    except StoreUnavailable:
        return False
    return not list(shop.state.settings.events_dir.glob("spool-*"))


async def test_refusals_outlast_an_afternoon_of_clicking(
    serve: Serve, registry: Shelves, stores: RedisStores, settings: AppSettings
) -> None:
    """What somebody does not want stays away, however much they look at afterwards."""
    await published(registry.shop, stores)
    path = f"/v1/users/{user_id(3)}/recommendations"
    async with serve() as shop:
        first = ids(await shop.get(path))[0]
        refused = {"event": "not_interested", "user_id": user_id(3), "item_id": first}
        looks = [{"event": "click", "user_id": user_id(3), "item_id": item_id(k % 100)} for k in range(300)]
        for events in ([refused], looks[:150], looks[150:]):
            await shop.post("/v1/events", {"events": events}, status=202)
        assert first not in ids(await shop.get(path, limit=50))
        kept = await stores.connection.command("LLEN", f"regulars:fresh:{user_id(3)}")
        assert kept == settings.serving.fresh_events + 1


async def test_shelves_of_two_guests_do_not_share_items(shop: Served) -> None:
    """`distinct` keeps apart who is told apart."""
    await shop.post("/v1/events", {"events": views(0, 4, 8)}, status=202)
    requests = [{**GUEST, "limit": 5}, {"anonymous_id": "another", "limit": 5}, {**GUEST, "limit": 5}]
    mine, others, again = (await shop.post("/v1/slates", {"requests": requests}))["slates"]
    assert mine["source"] == "folded_in"
    assert others["source"] == "popular"
    assert not set(ids(mine)) & set(ids(again))
