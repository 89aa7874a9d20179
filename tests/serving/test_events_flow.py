"""An event's way: accepted, on the next slate, in a file, exactly once, whatever dies."""

from __future__ import annotations

import json
import re
import resource
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.errors import StoreUnavailable
from serving.clock import DataClock
from serving.events import files
from serving.events.drain import Drain
from serving.settings import AppSettings, RedisSettings
from serving.stores.redis import RedisStores
from tests.planted import item_id, user_id
from tests.serving.conftest import Serve, Served, Shelves, ids, published

pytestmark = pytest.mark.anyio


def purchase(event_id: str, *, user: str | None = "new", item: int = 0, **more: Any) -> dict[str, Any]:
    event = {"event": "purchase", "event_id": event_id, "item_id": item_id(item), "quantity": 2, "price": 1.5, **more}
    return event if user is None else {**event, "user_id": user}


def written(settings: AppSettings) -> list[dict[str, Any]]:
    """Every line of every event file."""
    paths = sorted(settings.events_dir.glob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


async def test_the_next_slate_reflects_an_event(shop: Served) -> None:
    """A stranger who buys is no stranger any more, and is not offered what they just bought twice."""
    before = await shop.get("/v1/users/new/recommendations")
    assert before["source"] == "popular"
    events = [purchase(f"e{item}", item=item, order_id="o1") for item in (0, 4, 8)]
    assert await shop.post("/v1/events", {"events": events}, status=202) == {
        "accepted": 3,
        "duplicates": 0,
        "repeated": [],
        "rejected": [],
        "kept_in": "stream",
    }
    after = await shop.get("/v1/users/new/recommendations")
    assert (after["source"], after["degraded"]) == ("folded_in", False)
    assert sum(item["category"] == "aisle 0" for item in after["items"]) > 3
    assert after["model_version"] == before["model_version"]


async def test_buy_again_never_shows_what_was_not_bought(shop: Served) -> None:
    """It is empty for a stranger, right after a first order, and for whoever wants no history used."""
    questions: list[dict[str, Any]] = [{"user_id": "new"}, {"user_id": user_id(3), "personal": False}, {"guest": True}]
    for question in questions:
        assert ids(await shop.post("/v1/recommendations", {"placement": "reorder", **question})) == []
    assert ids(await shop.get("/v1/users/new/buy-again")) == []
    await shop.post("/v1/events", {"events": [purchase("e1", order_id="o1")]}, status=202)
    assert set(ids(await shop.get("/v1/users/new/buy-again"))) <= {item_id(0)}


async def test_what_was_just_bought_rests(shop: Served) -> None:
    """A regular's first pick leaves the next slate once it is bought; it returns when half its gap has passed."""
    path = f"/v1/users/{user_id(3)}/recommendations"
    first = ids(await shop.get(path))[0]
    event = {"event": "purchase", "user_id": user_id(3), "item_id": first, "order_id": "o9"}
    await shop.post("/v1/events", {"events": [event]}, status=202)
    assert first not in ids(await shop.get(path))


async def test_what_is_in_the_cart_is_not_offered(shop: Served) -> None:
    """An item put into the cart leaves the shelf, and comes back when it is taken out."""
    path = f"/v1/users/{user_id(5)}/recommendations"
    first = ids(await shop.get(path))[0]
    into = {"event": "add_to_cart", "user_id": user_id(5), "item_id": first}
    await shop.post("/v1/events", {"events": [into]}, status=202)
    assert first not in ids(await shop.get(path))
    await shop.post("/v1/events", {"events": [into | {"event": "remove_from_cart"}]}, status=202)
    assert first in ids(await shop.get(path))


async def test_a_large_order_brings_nothing_refused_back(shop: Served) -> None:
    """However much is put into the cart and bought, a complaint stays open and what was refused stays away."""
    path = f"/v1/users/{user_id(3)}/recommendations"
    first = ids(await shop.get(path))[0]
    upset = [{"event": "complaint_opened", "complaint_id": "c"}, {"event": "not_interested", "item_id": first}]
    await shop.post("/v1/events", {"events": [event | {"user_id": user_id(3)} for event in upset]}, status=202)
    for event in ("add_to_cart", "purchase"):
        lines = [{"event": event, "user_id": user_id(3), "item_id": f"grocery-{line}"} for line in range(80)]
        await shop.post("/v1/events", {"events": lines}, status=202)
    after = await shop.get(path + "?limit=100")
    assert after["withheld"] == "open_complaint"
    assert first not in ids(after)


async def test_what_leaves_the_cart_after_a_restart_is_offered_again(
    serve: Serve, stores: RedisStores, registry: Shelves
) -> None:
    """Time goes on where it stood: what is told after a restart is later than what was told before."""
    await published(registry.shop, stores)
    path = f"/v1/users/{user_id(5)}/recommendations"
    late = DataClock(registry.shop.model.as_of.astype("datetime64[s]") + np.timedelta64(300, "s"))
    async with serve(clock=late) as shop:
        first = ids(await shop.get(path))[0]
        into = {"event": "add_to_cart", "user_id": user_id(5), "item_id": first}
        await shop.post("/v1/events", {"events": [into]}, status=202)
    async with serve() as shop:
        await shop.post("/v1/events", {"events": [into | {"event": "remove_from_cart"}]}, status=202)
        assert first in ids(await shop.get(path))


async def test_not_interested_takes_an_item_off_the_shelf(shop: Served) -> None:
    """What a user does not want is gone with the next slate, and most of the rest stays."""
    path = f"/v1/users/{user_id(3)}/recommendations"
    before = ids(await shop.get(path))
    event = {"event": "not_interested", "user_id": user_id(3), "item_id": before[0]}
    await shop.post("/v1/events", {"events": [event]}, status=202)
    after = ids(await shop.get(path))
    assert before[0] not in after
    assert len(set(before) & set(after)) >= 8


async def test_each_event_is_judged_alone(shop: Served) -> None:
    """A wrong event is rejected with its place and reason, and its neighbours are kept."""
    wrong: list[Any] = [
        {"event": "stare", "item_id": "a"},
        {"event": "click"},
        {"event": "click", "item_id": "a\x00"},
        purchase("q", quantity=-1),
        purchase("n", quantity="NaN"),
        purchase("p", price=1e400),
        purchase("t", time="2099-01-01T00:00:00Z"),
        purchase("u", user="x" * 513),
        "click",
        None,
    ]
    body = json.dumps({"events": [*wrong, purchase("ok"), {"event": "complaint_opened", "user_id": "u"}]})
    response = await shop.client.post("/v1/events", content=body.replace("Infinity", "1e400"))
    answer = response.json()
    assert response.status_code == 202, answer
    rejected = {line["index"]: line["reason"] for line in answer["rejected"]}
    # The data clock takes no times from clients, so the event of 2099 is as good as any.
    assert sorted(rejected) == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    assert answer["accepted"] == 3
    assert "is no event; known are purchase" in rejected[0]
    assert "item_id is missing" in rejected[1]
    assert rejected[3].startswith("quantity:")


async def test_a_time_in_the_future_is_refused_on_the_wall_clock(
    serve: Serve, settings: AppSettings, registry: Shelves
) -> None:
    """A storefront's clock may be five minutes ahead, not seventy years."""
    wall = settings.model_copy(update={"serving": settings.serving.model_copy(update={"clock": "wall"})})
    with registry.marked(registry.shop):
        async with serve(settings=wall) as running:
            events = [purchase("a", time="2099-01-01T00:00:00Z"), purchase("b", time="2024-05-01T10:00:00+02:00")]
            answer = await running.post("/v1/events", {"events": events}, status=202)
            assert answer["rejected"] == [
                {"index": 0, "event_id": "a", "reason": "time: 2099-01-01T00:00:00+00:00 lies in the future"}
            ]
            await running.state.drain.run_once()
    assert [line["time"] for line in written(settings)] == ["2024-05-01T08:00:00Z"]


def wall_clock(settings: AppSettings) -> AppSettings:
    """The settings of a shop that believes what storefronts say about times."""
    return settings.model_copy(update={"serving": settings.serving.model_copy(update={"clock": "wall"})})


@pytest.mark.parametrize("hours", [1, -30, -24 * 365 * 50])
async def test_a_device_whose_clock_is_wrong_loses_nothing(
    serve: Serve, settings: AppSettings, registry: Shelves, hours: float
) -> None:
    """What a batch says of its sender's clock puts the times in it right; without that, they count as they are."""
    now = datetime.now(UTC)
    there = now + timedelta(hours=hours)
    seen = [purchase("a", time=(there - timedelta(minutes=10)).isoformat()), purchase("b", time=there.isoformat())]
    late = purchase("c", time=(there + timedelta(minutes=20)).isoformat())
    with registry.marked(registry.shop):
        async with serve(settings=wall_clock(settings)) as running:
            batch = {"events": [*seen, late, purchase("d")], "sent_at": there.isoformat(timespec="milliseconds")}
            answer = await running.post("/v1/events", batch, status=202)
            await running.state.drain.run_once()
    assert [rejected["event_id"] for rejected in answer["rejected"]] == ["c"]
    times = [datetime.fromisoformat(line["time"]) for line in written(settings)]
    off = [abs(time - expected) for time, expected in zip(times, (now - timedelta(minutes=10), now, now), strict=True)]
    assert max(off) < timedelta(seconds=30)


async def test_a_batch_on_its_way_for_a_while_is_no_wrong_clock(
    serve: Serve, settings: AppSettings, registry: Shelves
) -> None:
    """Less than a minute may be the network's; a clock in local time says its zone, or means UTC."""
    now = datetime.now(UTC).replace(microsecond=0)
    sent = (now - timedelta(seconds=40)).replace(tzinfo=None)
    with registry.marked(registry.shop):
        async with serve(settings=wall_clock(settings)) as running:
            batch = {"events": [purchase("a", time=sent.isoformat())], "sent_at": sent.isoformat()}
            await running.post("/v1/events", batch, status=202)
            await running.state.drain.run_once()
    assert [line["time"] for line in written(settings)] == [f"{sent.isoformat()}Z"]


@pytest.mark.parametrize("sent_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:59"])
async def test_a_clock_at_the_edge_of_the_calendar_keeps_what_has_no_time(
    serve: Serve, settings: AppSettings, registry: Shelves, sent_at: str
) -> None:
    """Times that cannot be put right reject their events, and no others."""
    with registry.marked(registry.shop):
        async with serve(settings=wall_clock(settings)) as running:
            events = [purchase("a", time="2026-03-01T10:00:00Z"), purchase("b")]
            answer = await running.post("/v1/events", {"events": events, "sent_at": sent_at}, status=202)
    assert (answer["accepted"], [rejected["event_id"] for rejected in answer["rejected"]]) == (1, ["a"])


@pytest.mark.parametrize("sent_at", ["yesterday", "2026-13-01T00:00:00Z", True, []])
async def test_a_sender_s_clock_is_checked(shop: Served, sent_at: Any) -> None:
    """What is no moment is told."""
    response = await shop.client.post("/v1/events", json={"events": [purchase("a")], "sent_at": sent_at})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_body")
    assert "body.sent_at" in response.text


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "1969-12-31", "1989-12-31T23:59:59Z", 20261122])
async def test_a_time_before_any_shop_is_refused(
    serve: Serve, settings: AppSettings, registry: Shelves, time: str | int
) -> None:
    """Nobody meant it so, and a report would begin there."""
    with registry.marked(registry.shop):
        async with serve(settings=wall_clock(settings)) as running:
            events = [purchase("a", time=time), purchase("b", time="1990-01-01T00:00:00Z")]
            answer = await running.post("/v1/events", {"events": events}, status=202)
    assert answer["accepted"] == 1
    (rejected,) = answer["rejected"]
    assert rejected["event_id"] == "a"
    assert "lies before 1990-01-01" in rejected["reason"]


async def test_a_time_at_the_edge_of_the_calendar_rejects_itself_alone(
    serve: Serve, settings: AppSettings, registry: Shelves
) -> None:
    """A zone may carry a time out of the calendar; the other events of the batch are kept."""
    wall = settings.model_copy(update={"serving": settings.serving.model_copy(update={"clock": "wall"})})
    with registry.marked(registry.shop):
        async with serve(settings=wall) as running:
            events = [purchase("a"), purchase("b", time="0001-01-01T00:00:00+14:00"), purchase("c")]
            answer = await running.post("/v1/events", {"events": events}, status=202)
    assert (answer["accepted"], [rejected["event_id"] for rejected in answer["rejected"]]) == (2, ["b"])
    assert answer["rejected"][0]["reason"] == "time: 0001-01-01T00:00:00+14:00 is no date in UTC"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"events": 1}', b'{"events": [], "x": 1}', b"\xff"])
async def test_what_is_no_batch_is_a_422(shop: Served, body: bytes) -> None:
    """Nothing of it is kept."""
    response = await shop.client.post("/v1/events", content=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_body")


async def test_half_a_character_spoils_its_event_alone(shop: Served) -> None:
    """Scripts that cut texts write lone surrogates; whole pairs and escaped backslashes are left as they are."""
    named = [r"\ud83d\ude00", r"\ud83d", r"\ude00\ud83d", r"a\\ud83d", r"\\\uDEADx"]
    events = [f'{{"event":"click","item_id":"{name}"}}' for name in named]
    unread = r'{"event":"click","item_id":"x","title":"cut \ud83d"}'
    response = await shop.client.post("/v1/events", content=f'{{"events":[{",".join([*events, unread])}]}}')
    assert response.status_code == 202, response.text
    answer = response.json()
    assert answer["accepted"] == 3
    assert [rejected["index"] for rejected in answer["rejected"]] == [1, 2, 4]
    assert "control character" in answer["rejected"][0]["reason"]


async def test_a_batch_has_a_limit(shop: Served) -> None:
    """1000 events are taken, 1001 are not."""
    full = [purchase(f"e{k}", user=None) for k in range(1001)]
    assert (await shop.client.post("/v1/events", json={"events": full})).status_code == 422
    assert (await shop.post("/v1/events", {"events": full[1:]}, status=202))["accepted"] == 1000


async def test_a_beacon_is_taken(shop: Served) -> None:
    """Leaving pages send text/plain; the body counts."""
    body = json.dumps({"events": [purchase("e1")]})
    response = await shop.client.post("/v1/events", content=body, headers={"Content-Type": "text/plain;charset=UTF-8"})
    assert response.status_code == 202


async def test_events_become_lines_once(shop: Served, settings: AppSettings) -> None:
    """Sent twice, drained twice: one line each, in the form training reads."""
    first = await shop.post("/v1/events", {"events": [purchase("a:1", slate_id="s"), purchase("空")]}, status=202)
    answer = await shop.post("/v1/events", {"events": [purchase("a:1", slate_id="s"), purchase("空")]}, status=202)
    assert first["duplicates"] < answer["duplicates"]
    assert answer["duplicates"] == 2
    assert await shop.state.drain.run_once() == 2
    assert await shop.state.drain.run_once() == 0
    await shop.post("/v1/events", {"events": [purchase("a:1")]}, status=202)
    assert await shop.state.drain.run_once() == 0
    lines = written(settings)
    assert [line["event_id"] for line in lines] == ["a:1", "空"]
    expected = {
        "event": "purchase",
        "user_id": "new",
        "item_id": item_id(0),
        "quantity": 2.0,
        "price": 1.5,
        "slate_id": "s",
    }
    assert expected.items() <= lines[0].items()
    assert re.fullmatch(r"2024-12-\d\dT\d\d:\d\d:\d\dZ", lines[0]["time"])


async def test_what_is_said_of_an_event_is_kept(shop: Served, settings: AppSettings) -> None:
    """Every field ends in the file, `position` as the rank; what nobody said is not made up."""
    said = {
        "event": "rating",
        "event_id": "r",
        "anonymous_id": "b/1 空",
        "item_id": item_id(0),
        "rating": 4,
        "position": 7,
        "placement": "a page of ours",
        "slate_id": "s",
        "source": "mail",
        "campaign": "spring",
        "variant": "a",
        "currency": "EUR",
    }
    await shop.post("/v1/events", {"events": [said, {"event": "click", "item_id": item_id(1)}]}, status=202)
    await shop.state.drain.run_once()
    rating, click = written(settings)
    assert {**said, "rank": 7}.items() - {("position", 7)} <= rating.items()
    assert set(click) == {"event", "event_id", "item_id", "quantity", "time", "received_at"}


async def test_slates_hear_later_of_what_redis_was_too_slow_to_hear(
    shop: Served, stores: RedisStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event whose visitor's list could not be reached counts a moment later, and once."""
    path = f"/v1/users/{user_id(3)}/recommendations"
    first = ids(await shop.get(path))[0]

    async def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("too slow")

    with monkeypatch.context() as slow:
        slow.setattr(type(stores.slates), "remember", away)
        event = {"event": "not_interested", "user_id": user_id(3), "item_id": first}
        assert (await shop.post("/v1/events", {"events": [event]}, status=202))["kept_in"] == "stream"
        await shop.state.ingest.owed.pay()
        assert first in ids(await shop.get(path))
    await shop.state.ingest.owed.pay()
    assert first not in ids(await shop.get(path))
    await shop.state.ingest.owed.pay()
    assert await stores.connection.command("LLEN", f"regulars:fresh:{user_id(3)}") == 1


async def test_shutdown_moves_what_waits(
    serve: Serve, stores: RedisStores, registry: Shelves, settings: AppSettings
) -> None:
    """A process that ends in order leaves nothing in the stream."""
    await published(registry.shop, stores)
    patient = settings.serving.model_copy(update={"drain_seconds": 3600.0})
    # The first drain comes at once, which may be after the event: another process keeps it from working until the end.
    assert await stores.stream.lease("another", seconds=60)
    async with serve(settings=settings.model_copy(update={"serving": patient})) as running:
        await running.post("/v1/events", {"events": [purchase("e")]}, status=202)
        assert await stores.stream.length() == 1
        await stores.stream.release("another")
    assert await stores.stream.length() == 0
    assert len(written(settings)) == 1


async def test_a_drain_that_died_after_writing_writes_no_second_time(
    shop: Served, stores: RedisStores, settings: AppSettings
) -> None:
    """The ids in the file tell; a line torn by the crash is cut off and written whole."""
    events = [purchase(f"e{k}") for k in range(3)]
    await shop.post("/v1/events", {"events": events}, status=202)
    payloads = [payload for _, payload in await stores.stream.read(10)]
    path = settings.events_dir / "events-2024-01-01.jsonl"
    files.append(path, payloads[:2])
    with path.open("ab") as file:
        file.write(payloads[2][:20])
    assert await shop.state.drain.run_once() == 1
    files.append(path, [b"{}"])
    assert path.read_bytes() == payloads[0] + b"\n" + payloads[1] + b"\n{}\n"
    assert sorted(line["event_id"] for line in written(settings) if line) == ["e0", "e1", "e2"]


async def test_only_one_drain_works(shop: Served, stores: RedisStores, settings: AppSettings) -> None:
    """While another process holds the lease, this one waits."""
    state = shop.state
    another = Drain(stores, state.erasures, state.clock, state.metrics, folder=settings.events_dir)
    await shop.post("/v1/events", {"events": [purchase("e")]}, status=202)
    assert [await state.drain.run_once(), await another.run_once()] == [1, 0]
    await shop.post("/v1/events", {"events": [purchase("f")]}, status=202)
    assert await another.run_once() == 0
    await state.drain.finish()
    await shop.post("/v1/events", {"events": [purchase("g")]}, status=202)
    assert await another.run_once() == 1


async def test_without_redis_events_go_to_a_file(
    serve: Serve, registry: Shelves, tmp_path: Path, settings: AppSettings
) -> None:
    """Accepted is kept: in a file, each once, and the process goes on answering."""
    with registry.marked(registry.shop):
        absent = RedisStores.connect(f"unix://{tmp_path}/nobody.sock", AppSettings(redis=RedisSettings(timeout_ms=100)))
        async with serve(store=absent) as running:
            batch = {"events": [purchase("e1"), purchase("e2"), purchase("e1")]}
            await running.post("/v1/events", batch, status=202)
            answer = await running.post("/v1/events", batch, status=202)
            assert (answer["accepted"], answer["duplicates"], answer["kept_in"]) == (3, 3, "file")
        assert [line["event_id"] for line in written(settings)] == ["e1", "e2"]


async def test_nothing_is_promised_that_cannot_be_kept(
    serve: Serve, registry: Shelves, tmp_path: Path, settings: AppSettings
) -> None:
    """No Redis and no disk: a 503 that asks to send again."""
    with registry.marked(registry.shop):
        settings.data_dir.mkdir()
        settings.events_dir.write_text("a file where the folder should be")
        absent = RedisStores.connect(f"unix://{tmp_path}/nobody.sock", AppSettings())
        async with serve(store=absent) as running:
            answer = await running.post("/v1/events", {"events": [purchase("e1")]}, status=503)
            assert answer["code"] == "not_stored"


async def test_an_outage_loses_no_slate(serve: Serve, registry: Shelves, tmp_path: Path) -> None:
    """Without Redis every shelf is computed, says so, and is the shelf Redis would have given."""
    with registry.marked(registry.shop):
        absent = RedisStores.connect(f"unix://{tmp_path}/nobody.sock", AppSettings())
        async with serve(store=absent) as running:
            slate = await running.get(f"/v1/users/{user_id(3)}/recommendations")
            assert (slate["source"], slate["degraded_reason"]) == ("personal", "store_unavailable")
            assert (await running.get("/v1/trending"))["degraded"] is False
            assert (await running.get("/readyz"))["store"] == "away"
            assert await running.put_items({"item_id": ids(slate)[0], "stock": 0}) == {
                "updated": 1,
                "unknown": [],
                "shared": False,
            }
            assert ids(slate)[0] not in ids(await running.get(f"/v1/users/{user_id(3)}/recommendations"))
            assert (await running.client.delete(f"/v1/users/{user_id(3)}")).json()["shared"] is False
            assert (await running.get(f"/v1/users/{user_id(3)}/recommendations"))["source"] == "popular"
            with pytest.raises(StoreUnavailable):
                await running.look_for_news()


async def test_erased_users_are_strangers_at_once_and_for_good(
    shop: Served, stores: RedisStores, serve: Serve, settings: AppSettings
) -> None:
    """Candidates and events go, new events count as a guest's, and another start remembers."""
    user = user_id(3)
    await shop.post("/v1/events", {"events": [purchase("before", user=user)]}, status=202)
    assert (await shop.client.delete(f"/v1/users/{user}")).status_code == 200
    assert (await shop.get(f"/v1/users/{user}/recommendations"))["source"] == "popular"
    await shop.post("/v1/events", {"events": [purchase("after", user=user)]}, status=202)
    assert (await shop.get(f"/v1/users/{user}/recommendations"))["source"] == "popular"
    await shop.state.drain.run_once()
    assert {line["event_id"]: line.get("user_id") for line in written(settings)} == {"before": None, "after": None}
    assert (settings.data_dir / "erased.txt").read_text(encoding="utf-8") == f"{user}\n"
    await stores.connection.command("FLUSHALL")
    async with serve() as again:
        await again.look_for_news()
        assert await stores.slates.erased() == {user}


async def test_stock_and_prices_are_effective_at_once_and_everywhere(shop: Served, serve: Serve) -> None:
    """One process obeys with the next request, another one after its next look; patches add up."""
    path = f"/v1/users/{user_id(5)}/recommendations"
    first, second = ids(await shop.get(path))[:2]
    async with serve() as other:
        await shop.put_items({"item_id": first, "stock": 0}, {"item_id": second, "price": 99.5, "title": "New 空"})
        await other.look_for_news()
        for running in (shop, other):
            slate = await running.get(path)
            assert first not in ids(slate)
            shown = next(item for item in slate["items"] if item["item_id"] == second)
            assert (shown["price"], shown["title"], shown["in_stock"]) == (99.5, "New 空", True)
            assert first in ids(await running.get(path, in_stock=False))
            assert second not in ids(await running.get(path, price_max=90, limit=100))
        await other.put_items({"item_id": first, "stock": None})
        await shop.look_for_news()
        assert first in ids(await shop.get(path))


@pytest.mark.parametrize(
    "item",
    [
        {"item_id": ""},
        {"item_id": "a", "price": -1},
        {"item_id": "a", "price": "NaN"},
        {"item_id": "a", "stock": 1.5},
        {"item_id": "a", "url": "javascript:alert(1)"},
        {"item_id": "a", "colour": "red"},
    ],
)
async def test_wrong_updates_change_nothing(shop: Served, item: dict[str, Any]) -> None:
    """One wrong entry refuses the batch, so that a shop's import fails as a whole."""
    response = await shop.client.put("/v1/items", json={"items": [{"item_id": "b", "stock": 0}, item]})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_body")


async def test_an_unknown_item_is_said_to_be_unknown(shop: Served) -> None:
    """A new article is kept for later, and its picture is drawn from what is known of it."""
    answer = await shop.put_items({"item_id": "n/1", "title": "Oolong", "category": "Tea"})
    assert answer == {"updated": 1, "unknown": ["n/1"], "shared": True}
    assert "Oolong" in (await shop.client.get("/v1/items/n%2F1/picture.svg")).text


async def test_spooled_events_join_the_others_when_redis_is_back(
    shop: Served, stores: RedisStores, settings: AppSettings
) -> None:
    """What two processes kept in files, and one of them twice, ends in the event file once, and on the next slate."""
    slate = await shop.get("/v1/users/new/recommendations")
    await shop.post("/v1/events", {"events": [purchase("e1")]}, status=202)
    (_, first), *_ = await stores.stream.read(10)
    others = [first.replace(b'"e1"', f'"e{k}"'.encode()) for k in (2, 3)]
    files.append(settings.events_dir / "spool-1-a.jsonl", [first, *others])
    files.append(settings.events_dir / "spool-2-b.jsonl", [others[0]])
    with (settings.events_dir / "spool-2-b.jsonl").open("ab") as file:
        file.write(b'not an event\n{"event_id": "torn')
    assert await shop.state.drain.run_once() == 3
    assert sorted(line["event_id"] for line in written(settings)) == ["e1", "e2", "e3"]
    assert [path.name[:7] for path in settings.events_dir.iterdir()] == ["events-"]
    assert len(await stores.connection.command("LRANGE", "regulars:fresh:new", 0, -1)) == 3
    assert slate["source"] == "popular"


async def test_a_spool_is_kept_until_the_stream_has_it(
    serve: Serve, registry: Shelves, tmp_path: Path, settings: AppSettings
) -> None:
    """A drain that cannot reach Redis leaves every line where it is, whatever it began."""
    with registry.marked(registry.shop):
        absent = RedisStores.connect(f"unix://{tmp_path}/nobody.sock", AppSettings(redis=RedisSettings(timeout_ms=100)))
        async with serve(store=absent) as running:
            await running.post("/v1/events", {"events": [purchase("e1")]}, status=202)
            taken = files.take_spools(settings.events_dir)
            await running.post("/v1/events", {"events": [purchase("e2")]}, status=202)
            with pytest.raises(StoreUnavailable):
                await running.state.drain.run_once()
            assert len(taken) == 1
            assert files.lines_of(taken[0])
            assert sorted(line["event_id"] for line in written(settings)) == ["e1", "e2"]


def test_a_full_disk_leaves_no_half_of_a_batch(tmp_path: Path) -> None:
    """Lines that were not accepted are in no file, even where some of them fitted."""
    path = tmp_path / "events-1.jsonl"
    files.append(path, [b'{"event_id": "a"}'])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            files.append(path, [b'{"event_id": "b"}'] * 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b'{"event_id": "a"}\n'
