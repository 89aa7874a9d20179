"""Who switched personal picks off is shown what guests are shown, from the next request on, wherever they ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from recommender.errors import StoreUnavailable
from serving import housekeeping, opt_outs
from serving.experiment_settings import ExperimentSettings
from serving.front.front import Front
from serving.opt_outs import FILE, OptOuts, opted_out
from serving.settings import AppSettings
from serving.stores import Stores, UserRecord
from serving.stores.choices import OPTED_OUT
from serving.stores.memory import MemorySlates, MemoryStores
from tests.planted import HOSTILE_IDS, user_id
from tests.serving.conftest import Serve, Served, Shelves, ids, published

pytestmark = pytest.mark.anyio

NOBODY: frozenset[str] = frozenset()
QUESTIONS: tuple[dict[str, Any], ...] = (
    {"placement": "home"},
    {"placement": "email", "limit": 24, "new_only": True},
    {"placement": "home", "filters": {"price_max": 50}},
    {"placement": "reorder"},
    {"placement": "bestsellers", "reasons": False},
)


async def choose(served: Served, user: str, *, on: bool) -> dict[str, Any]:
    """Ask for a choice over HTTP."""
    response = await served.client.put(f"/v1/users/{user}/personalization", json={"on": on})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def shelf(slate: dict[str, Any]) -> dict[str, Any]:
    """A slate without what is random in it or says whose it is."""
    return {name: slate[name] for name in slate if name not in {"slate_id", "created_at", "user_id", "personalization"}}


async def asked(served: Served, user: str | None, **question: Any) -> dict[str, Any]:
    return await served.post("/v1/recommendations", {"user_id": user, **question})


async def test_they_are_shown_what_guests_are_shown(shop: Served, registry: Shelves) -> None:
    """On every placement, with filters, carts and items on the page; and each answer says why."""
    user, items = user_id(3), registry.shop.model.items.ids
    assert (await asked(shop, user))["source"] == "personal"
    assert await choose(shop, user, on=False) == {"user_id": user, "on": False, "shared": True}
    about = [
        {"placement": "product", "seeds": {"viewed": [items[3]]}},
        {"placement": "cart", "seeds": {"cart": [items[3]]}},
    ]
    for question in (*QUESTIONS, *about):
        slate, guests = await asked(shop, user, **question), await asked(shop, None, **question)
        assert shelf(slate) == shelf(guests), question
        assert (slate["personalization"], slate["user_id"]) == ("off", user)
        assert "personalization" not in guests
    page = await shop.client.get("/v1/fragments/home", params={"user": user})
    strangers = await shop.client.get("/v1/fragments/home")
    without_ids = [text.replace(page.headers["x-slate-id"], "").replace(strangers.headers["x-slate-id"], "")
                   for text in (page.text, strangers.text)]  # fmt: skip
    assert without_ids[0] == without_ids[1]


async def test_page_views_and_batches_hear_of_it(shop: Served) -> None:
    """The front, which answers page views by itself, and several shelves in one request."""
    user = user_id(3)
    transport = httpx.ASGITransport(Front(shop.app))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        before = (await client.get(f"/v1/users/{user}/recommendations")).json()
        await choose(shop, user, on=False)
        after = (await client.get(f"/v1/users/{user}/recommendations")).json()
    assert (before["source"], after["personalization"]) == ("personal", "off")
    assert shelf(after) == shelf(await asked(shop, None))
    body = await shop.post("/v1/slates", {"requests": [{"user_id": user}, {"user_id": user_id(4)}]})
    assert [slate.get("personalization") for slate in body["slates"]] == ["off", None]


async def test_every_process_honours_it_at_once(shop: Served, serve: Serve) -> None:
    """Another process, that has not looked for news since, finds the mark with what it reads anyway."""
    user, stranger = user_id(3), "somebody new"
    async with serve() as other:
        assert "personalization" not in await asked(other, user)
        await choose(shop, user, on=False)
        await choose(shop, stranger, on=False)
        assert user not in other.state.opt_outs
        for question in QUESTIONS:
            slate = await asked(other, user, **question)
            assert slate["personalization"] == "off"
            assert shelf(slate) == shelf(await asked(other, None, **question))
        assert (await asked(other, stranger))["personalization"] == "off"
        assert (await other.get(f"/v1/users/{user}/personalization")) == {"user_id": user, "on": False}
        await housekeeping.look_at_choices(other.state)
        assert {user, stranger} <= other.state.opt_outs.users
        await choose(shop, user, on=True)
        await housekeeping.look_at_choices(other.state)
        assert (await asked(other, user))["source"] == "personal"
    assert (await asked(shop, user))["source"] == "personal"


async def test_events_are_kept_and_shape_nothing(shop: Served, registry: Shelves, settings: AppSettings) -> None:
    """A click changes no shelf; what was refused is left out; both are in the event files."""
    user, items = user_id(3), registry.shop.model.items.ids
    await choose(shop, user, on=False)
    before = ids(await asked(shop, user))
    click = {"event": "click", "user_id": user, "item_id": items[7]}
    await shop.post("/v1/events", {"events": [click]}, status=202)
    assert ids(await asked(shop, user)) == before
    refusal = {"event": "not_interested", "user_id": user, "item_id": before[0]}
    await shop.post("/v1/events", {"events": [refusal]}, status=202)
    slate = await asked(shop, user)
    assert (slate["personalization"], before[0] in ids(slate)) == ("off", False)
    await shop.state.drain.run_once()
    written = "".join(path.read_text() for path in settings.events_dir.glob("events-*.jsonl"))
    assert written.count(f'"user_id":"{user}"') == 2


async def test_a_group_of_an_experiment_keeps_its_name(
    serve: Serve, settings: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """Who opted out stays in their group, so that groups stay comparable; the slate says both."""
    await published(registry.shop, stores)
    trial = ExperimentSettings(control=0.5, variants={"usual": 0.5})
    async with serve(settings=settings.model_copy(update={"experiments": {"trial": trial}})) as served:
        users = [user_id(number) for number in range(12)]
        for user in users:
            await choose(served, user, on=False)
        slates = [await asked(served, user) for user in users]
    assert {slate["variant"] for slate in slates} == {"control", "usual"}
    assert {slate["personalization"] for slate in slates} == {"off"}
    assert len({str(shelf(slate)["items"]) for slate in slates}) == 1


async def test_a_choice_outlives_the_store(shop: Served, serve: Serve, stores: Stores, settings: AppSettings) -> None:
    """A store that lost its data is told again by whoever starts; ids of every kind are read back."""
    for user in (user_id(3), *HOSTILE_IDS):
        assert await shop.state.opt_outs.choose(user, on=False)
    await stores.connection.command("FLUSHALL")  # type: ignore[attr-defined]
    assert opted_out(settings.data_dir) == {user_id(3), *HOSTILE_IDS}
    async with serve() as restarted:
        assert restarted.state.opt_outs.users == {user_id(3), *HOSTILE_IDS}
        _, choices = await stores.slates.choices(since=None)
        assert choices is not None
        assert set(choices) == {user_id(3), *HOSTILE_IDS}
        assert OPTED_OUT in (await stores.slates.read_user(user_id(3), version=None)).fresh


class Fragile(MemorySlates):
    """Can be told to be away, and counts how often users are read."""

    away = False
    reads = 0

    async def read_user(self, user_id: str, *, version: str | None) -> UserRecord:
        self.reads += 1
        if self.away:
            raise StoreUnavailable("away")
        return await super().read_user(user_id, version=version)

    async def choose(self, choices: Any) -> None:
        if self.away:
            raise StoreUnavailable("away")
        await super().choose(choices)

    async def choices(self, *, since: int | None) -> Any:
        if self.away:
            raise StoreUnavailable("away")
        return await super().choices(since=since)


@pytest.fixture
async def fragile(registry: Shelves) -> MemoryStores:
    """The planted shop's candidates in a store that can be told to be away."""
    stores = MemoryStores()
    stores.slates = Fragile()
    await published(registry.shop, stores)
    return stores


async def test_it_costs_no_round_trip(serve: Serve, fragile: MemoryStores) -> None:
    """A page view of who opted out reads the store once, as every other does."""
    slates, user = fragile.slates, user_id(3)
    assert isinstance(slates, Fragile)
    async with serve(store=fragile) as served, httpx.AsyncClient(
        transport=httpx.ASGITransport(Front(served.app)), base_url="http://shop.example"
    ) as client:  # fmt: skip
        for on in (True, False):
            await choose(served, user, on=on)
            slates.reads = 0
            await client.get(f"/v1/users/{user}/recommendations")
            assert slates.reads == 1


async def test_while_the_store_is_away(serve: Serve, fragile: MemoryStores) -> None:
    """The choice is on disk, so processes of this machine honour it; the store hears of it when it is back."""
    slates, user = fragile.slates, user_id(3)
    assert isinstance(slates, Fragile)
    async with serve(store=fragile) as served, serve(store=fragile) as other:
        await asked(other, user)
        slates.away = True
        assert (await choose(served, user, on=False))["shared"] is False
        assert (await asked(served, user))["personalization"] == "off"
        await housekeeping.once(housekeeping.look_at_choices, other.state)
        for question in QUESTIONS:
            slate = await asked(other, user, **question)
            assert (slate["personalization"], slate["degraded_reason"]) == ("off", "store_unavailable")
        slates.away = False
        await housekeeping.look_at_choices(served.state)
        assert OPTED_OUT in (await slates.read_user(user, version=None)).fresh


async def test_nothing_is_promised_that_cannot_be_kept(shop: Served, settings: AppSettings) -> None:
    """A disk that takes nothing: 503, and nothing changes."""
    (settings.data_dir / FILE).mkdir(parents=True)
    response = await shop.client.put("/v1/users/17/personalization", json={"on": False})
    assert (response.status_code, response.json()["code"]) == (503, "not_stored")
    assert "17" not in shop.state.opt_outs


async def test_an_erased_user_leaves_no_choice(shop: Served, settings: AppSettings, stores: Stores) -> None:
    """Nothing is written down of who is to be forgotten, before or after."""
    user = user_id(3)
    await choose(shop, user, on=False)
    assert (await shop.client.delete(f"/v1/users/{user}")).status_code == 200
    assert (await choose(shop, user, on=True))["on"] is False
    await housekeeping.look_at_choices(shop.state)
    assert user not in ((await stores.slates.choices(since=None))[1] or {})
    assert "on" not in (settings.data_dir / FILE).read_text().split()
    assert "personalization" not in await asked(shop, user)


async def test_the_later_choice_counts(tmp_path: Path) -> None:
    """Whatever the order in which two processes hear of them, and even if a clock was set back."""
    store = MemorySlates()
    one = OptOuts(tmp_path / "a", store, NOBODY, now=lambda: 1000.0)
    two = OptOuts(tmp_path / "b", store, NOBODY, now=lambda: 500.0)
    await one.choose("u", on=False)
    await two.refresh()
    await two.choose("u", on=True)
    await one.refresh()
    assert ("u" in one, "u" in two) == (False, False)
    assert opted_out(tmp_path / "a") == opted_out(tmp_path / "b") == set()
    await store.choose({"u": -1})
    await one.refresh()
    assert "u" not in one


async def test_damaged_lines_are_left_out(tmp_path: Path) -> None:
    """What is no choice says nothing; what a crash left of a line is cut off by the next one who writes."""
    (tmp_path / FILE).write_bytes(
        b"17 off a\nx off b\n" + b"1" * 5000 + b" off g\n18 maybe c\n19 off\n20 off \n\xff\n21 off d e\n9 of"
    )
    known = OptOuts(tmp_path, MemorySlates(), NOBODY)
    known.load()
    assert known.users == {"a", "d e"}
    await known.choose("f", on=False)
    assert opt_outs.read_choices(tmp_path).keys() == {"a", "d e", "f"}


async def test_a_moment_beyond_all_clocks_says_nothing(tmp_path: Path) -> None:
    """A number that no calendar knows, or that is too long to be read, makes its line one that says nothing."""
    (tmp_path / FILE).write_bytes(b"9" * 5000 + b" off a\n" + b"9" * 15 + b" off b\n" + b"9" * 14 + b" off c\n")
    assert opt_outs.read_choices(tmp_path) == {"c": -99_999_999_999_999}
