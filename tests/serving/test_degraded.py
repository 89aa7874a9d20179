"""A poorer answer says so: while the store is away, and while the engine is busy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest

from recommender.errors import StoreUnavailable
from serving import engine_thread
from serving.front.front import Front
from serving.questions import Question
from serving.shelves.counter import Reply
from serving.stores import UserRecord
from serving.stores.memory import MemorySlates, MemoryStores
from tests.planted import item_id, user_id
from tests.serving.conftest import Serve, Served, Shelves, ids, published

pytestmark = pytest.mark.anyio


class Fragile(MemorySlates):
    """Can be told to be away."""

    away = False

    async def read_user(self, user_id: str, *, version: str | None) -> UserRecord:
        if self.away:
            raise StoreUnavailable("away")
        return await super().read_user(user_id, version=version)


@pytest.fixture
async def shop(serve: Serve, registry: Shelves) -> AsyncIterator[Served]:
    """The planted shop over a store that can be told to be away."""
    stores = MemoryStores()
    stores.slates = Fragile()
    await published(registry.shop, stores)
    async with serve(store=stores) as running:
        yield running


def go_away(shop: Served) -> None:
    store = shop.state.stores.slates
    assert isinstance(store, Fragile)
    store.away = True


def path(number: int, **_: Any) -> str:
    return f"/v1/users/{user_id(number)}/recommendations"


def scope_of(method: str, where: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """A request as the server hands it over."""
    return {
        "type": "http",
        "method": method,
        "path": where,
        "raw_path": where.encode(),
        "query_string": b"",
        "headers": [(b"host", b"shop"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }


async def metric(shop: Served, line: str) -> float:
    text = (await shop.client.get("/metrics")).text
    return next((float(found.rsplit(" ", 1)[1]) for found in text.splitlines() if found.startswith(line)), 0.0)


async def test_who_was_read_lately_gets_the_same_shelf(shop: Served) -> None:
    """The last record of each user is kept, and what comes of it is labelled."""
    before = await shop.get(path(3))
    go_away(shop)
    during = await shop.get(path(3))
    assert ids(during) == ids(before)
    assert (during["degraded"], during["degraded_reason"]) == (True, "store_unavailable")
    assert await metric(shop, 'regulars_candidates_total{outcome="stale"}') == 1
    assert await metric(shop, 'regulars_degraded_slates_total{reason="store_unavailable"}') == 1


async def test_who_was_never_read_is_computed_now_and_then(shop: Served) -> None:
    """The first one in a while gets personal picks, the next at once what is popular: both are labelled."""
    go_away(shop)
    first, second = await shop.get(path(4)), await shop.get(path(5))
    assert (first["source"], second["source"]) == ("personal", "popular")
    assert {first["degraded_reason"], second["degraded_reason"]} == {"store_unavailable"}
    assert len(ids(second)) == 10


async def test_whoever_was_erased_is_not_remembered(shop: Served) -> None:
    """An erasure counts while the store is away, too."""
    await shop.get(path(6))
    await shop.client.delete(f"/v1/users/{user_id(6)}")
    go_away(shop)
    stranger = await shop.get("/v1/users/stranger/recommendations")
    assert ids(await shop.get(path(6))) == ids(stranger)


async def test_live_stock_counts_while_the_store_is_away(shop: Served) -> None:
    """What is sold out is not shown, however old the list is."""
    gone = ids(await shop.get(path(3)))[0]
    go_away(shop)
    await shop.put_items({"item_id": gone, "stock": 0})
    assert gone not in ids(await shop.get(path(3)))


async def test_many_guests_at_once_get_what_is_popular(shop: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds the queue full is answered at once, without what lies in the cart, and the answer says why."""
    monkeypatch.setattr(engine_thread, "MAX_WAITING", 0)
    bodies = [{"guest": True, "placement": "cart", "seeds": {"cart": [item_id(n)]}} for n in range(40)]
    slates = await asyncio.gather(*(shop.post("/v1/recommendations", body) for body in bodies))
    busy = [slate for slate in slates if slate.get("degraded_reason") == "busy"]
    assert busy
    assert all(slate["source"] == "popular" and len(ids(slate)) == 10 for slate in busy)
    assert all(item_id(n) not in ids(slate) for n, slate in enumerate(slates))


async def test_what_to_buy_again_is_nothing_else_while_the_engine_is_busy(
    shop: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shelf of that name is empty rather than filled with what was never bought, and the answer says why."""
    monkeypatch.setattr(engine_thread, "MAX_WAITING", 0)
    bodies = [{"user_id": user_id(n), "placement": "reorder"} for n in range(40)]
    slates = await asyncio.gather(*(shop.post("/v1/recommendations", body) for body in bodies))
    busy = [slate for slate in slates if slate.get("degraded_reason") == "busy"]
    assert busy
    assert not any(ids(slate) or slate.get("withheld") for slate in busy)
    assert {slate["placement"] for slate in busy} == {"reorder"}


async def test_filters_are_kept_or_refused(shop: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filtered shelf there is no time for is a 503 that says when to come back, not a shelf without its filter."""
    monkeypatch.setattr(engine_thread, "MAX_WAITING", 0)
    body = {"guest": True, "filters": {"price_max": 5}}
    answers = await asyncio.gather(*(shop.client.post("/v1/recommendations", json=body) for _ in range(30)))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert {(answer.json()["code"], answer.headers["retry-after"]) for answer in refused} == {("overloaded", "1")}
    assert all(item["price"] <= 5 for answer in answers if answer.status_code == 200 for item in answer.json()["items"])


async def test_beyond_the_limit_requests_are_told_to_come_back(shop: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is one too many gets a 503 with Retry-After at once; health and metrics are answered all the same."""
    front = Front(shop.app)
    waiting, reply = asyncio.Event(), shop.state.service.reply

    async def answer_later(question: Question) -> Reply:
        await waiting.wait()
        return await reply(question)

    monkeypatch.setattr(shop.state.service, "reply", answer_later)

    async def ask(path: str, *, wait: bool = False) -> int:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(dict(message))

        scope = scope_of("POST" if wait else "GET", path, (b"content-type", b"application/json"))
        await front(scope, receive, send)
        if sent[0]["status"] == 503:
            assert (b"retry-after", b"1") in sent[0]["headers"]
            assert any(name == b"x-request-id" for name, _ in sent[0]["headers"])
        return int(sent[0]["status"])

    assert await ask("/healthz") == 200
    limit = shop.state.settings.serving.max_in_flight
    held = [asyncio.create_task(ask("/v1/recommendations", wait=True)) for _ in range(limit // 4)]
    await asyncio.sleep(0.5)
    statuses = [await ask(path(3)), await ask("/healthz"), await ask("/metrics")]
    waiting.set()
    assert statuses == [503, 200, 200]
    assert await asyncio.gather(*held) == [200] * len(held)
    assert await ask(path(3)) == 200


async def test_a_long_shelf_is_full_however_much_is_sold_out(shop: Served) -> None:
    """While the store is away, a stranger's shelf of a hundred is no error, and shows nothing that is sold out."""
    popular = ids(await shop.get("/v1/users/stranger/recommendations", limit=40))
    go_away(shop)
    await shop.put_items(*({"item_id": item, "stock": 0} for item in popular))
    slate = await shop.get("/v1/users/somebody/recommendations", limit=60)
    assert len(slate["items"]) == 60
    assert not set(ids(slate)) & set(popular)
    assert (slate["degraded_reason"], slate["placement"]) == ("store_unavailable", "home")


async def test_slow_senders_keep_nobody_out(shop: Served) -> None:
    """Requests whose bodies are still on their way do not count: page views are answered beside a hundred of them."""
    front, never, length = Front(shop.app), asyncio.Event(), (b"content-length", b"100")

    async def stall() -> dict[str, Any]:
        await never.wait()
        return {"type": "http.disconnect"}

    async def ignore(message: MutableMapping[str, Any]) -> None:
        del message

    sent: list[int] = []

    async def note(message: MutableMapping[str, Any]) -> None:
        sent.append(message.get("status", 0))

    assert (await shop.get(path(3)))["items"]
    slow = [
        asyncio.ensure_future(front(scope_of("POST", "/v1/recommendations", length), stall, ignore)) for _ in range(100)
    ]
    await asyncio.sleep(0.05)
    await front(scope_of("GET", path(3), length), stall, note)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    assert sent[0] == 200


async def test_a_store_that_lost_its_data_is_told_whom_to_forget(serve: Serve, stores: Any, registry: Shelves) -> None:
    """After a FLUSHALL the erased users are erased again, so that the next publisher leaves them out."""
    await published(registry.shop, stores)
    async with serve() as shop:
        assert (await shop.client.delete(f"/v1/users/{user_id(6)}")).status_code == 200
        await stores.connection.command("FLUSHALL")
        await shop.look_for_news()
        assert await stores.slates.erased() == {user_id(6)}
    await published(registry.shop, stores)
    assert (await stores.slates.read_user(user_id(6), version=registry.shop.version)).candidates is None


async def test_damaged_values_in_the_store_change_nothing(serve: Serve, stores: Any, registry: Shelves) -> None:
    """Fresh events and updates that no program of ours wrote are left out; those beside them count."""
    await published(registry.shop, stores)
    async with serve() as shop:
        before, sold_out = await shop.get(path(3)), item_id(1)
        await shop.put_items({"item_id": item_id(0), "stock": 3}, {"item_id": sold_out, "stock": 0})
        redis = stores.connection
        for payload in ('["item-0001",1,-5,1600000000]', '["item-0001",1,1,-1]', '["item-0001",1,1,1e300]', "[]", "x"):
            await redis.command("LPUSH", f"regulars:fresh:{user_id(3)}", payload)
        assert ids(await shop.get(path(3))) == [item for item in ids(before) if item != sold_out] or sold_out in ids(
            before
        )
    async with serve() as other:
        await redis.command("HSET", f"regulars:{{items}}:of:{item_id(0)}", "stock", '"abc"')
        await other.look_for_news()
        assert sold_out not in ids(await other.get("/v1/bestsellers", limit=60))


async def test_many_excluded_items_are_no_mistake_while_the_engine_is_busy(
    shop: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A popular shelf that would have to be computed is refused with Retry-After, like any other, never a 500."""
    everything = ids(await shop.get("/v1/bestsellers", limit=100))
    monkeypatch.setattr(engine_thread, "MAX_WAITING", 0)
    body = {"guest": True, "placement": "cart", "exclude": everything, "limit": 40}
    answer = await shop.client.post("/v1/recommendations", json=body)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "overloaded", "1")
