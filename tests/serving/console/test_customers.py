"""Looking a customer up."""

from __future__ import annotations

import dataclasses
import html
import logging
import re
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import anyio
import anyio.lowlevel
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.engine import Engine
from recommender.errors import StoreUnavailable
from recommender.events import Event
from recommender.ids import IdMap
from recommender.text import TextColumn
from serving.console.customers import MAX_FOUND, Order, customer_of, search
from serving.console.fresh_events import Session, session_of
from serving.console.words import reason_words
from serving.stores import Stores, UserRecord
from tests.models import hostile_model, open_shelf, shop_model
from tests.planted import user_id
from tests.serving.conftest import Serve, Served, Shelves, end_of_log, ids, published
from tests.serving.console.conftest import looked_at, page

pytestmark = pytest.mark.anyio

USER = user_id(3)
STRANGE = ["a/b", "..", ".", "<b>x</b>", "<script>alert(1)</script>", "a:b%2Fc", "空 空", "'\"&", "a?b#c", "{{7*7}}"]


def text_of(page: str) -> str:
    """The words of a page."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


async def reported(here: Served, *events: tuple[str, str | None]) -> None:
    """Let the storefront report events of the user."""
    body = {"events": [{"event": kind, "user_id": USER, "item_id": item} for kind, item in events]}
    assert (await here.post("/v1/events", body, status=202))["rejected"] == []


async def test_a_customer_is_shown_whole(console: Served) -> None:
    """Segment, scores, past with dates, and every shelf with reasons in words."""
    text = text_of(await page(console, "/customer", user_id=USER))
    model = shop_model()
    index = model.users.index(USER)
    assert f"{model.customers.frequency[index]}" in text
    for words in ("Segment", "Recency", "Frequency", "Money", "What they are offered now", "What they bought before"):
        assert words in text
    for shelf in ("Home page", "Buy it again", "Cart page", "Product page", "Mailing", "Trending", "Best sellers"):
        assert shelf in text


async def test_who_switched_personal_picks_off_is_named_so(console: Served) -> None:
    """Their page says why no shelf rests on their past, and says no such thing once it does again."""
    said = "They switched personal picks off."
    for on in (False, True):
        response = await console.client.put(f"/v1/users/{USER}/personalization", json={"on": on})
        assert response.status_code == 200, response.text
        assert (said in text_of(await page(console, "/customer", user_id=USER))) is not on


async def test_what_was_bought_once_is_not_called_a_habit(console: Served) -> None:
    """Each item to buy again says how often it was bought, as the past below says."""
    model = shop_model()
    history = model.histories.of(model.users.index(USER))
    orders = {model.items.ids[item]: int(n) for item, n in zip(history.item, history.orders, strict=True)}
    shelf = (
        (await page(console, "/customer", user_id=USER)).partition('id="shelf-reorder"')[2].partition("</details>")[0]
    )
    rows = [row for row in shelf.split("<tr>") if "<code>" in row]
    shown = [html.unescape(item) for row in rows for item in re.findall(r"<code>([^<]+)</code>", row)]
    assert {min(orders[item], 3) for item in shown} >= {3}
    for item, row in zip(shown, rows, strict=True):
        words = {1: "once", 2: "twice"}.get(orders[item], f"{orders[item]} times")
        assert f"They bought it {words}" in text_of(row)
    assert "again and again" not in shelf


async def test_shelves_are_those_of_the_api(console: Served) -> None:
    """What the page shows is what the storefront gets, in its order."""
    for placement in ("home", "reorder", "email"):
        asked = {"user_id": USER, "placement": placement, "limit": 10}
        expected = ids(await console.post("/v1/recommendations", asked))
        shown = await page(console, "/customer", user_id=USER)
        shelf = shown.partition(f'id="shelf-{placement}"')[2].partition("</details>")[0]
        assert re.findall(r"<code>([^<]+)</code>", shelf) == [html.escape(item) for item in expected]


async def test_what_they_did_since_is_shown_and_holds_back(console: Served) -> None:
    """The cart, what was refused, what was just bought and what is sold out: each with its reason."""
    home = ids(await console.get(f"/v1/users/{USER}/recommendations", limit=10))
    await reported(
        console, ("click", home[4]), ("add_to_cart", home[0]), ("not_interested", home[1]), ("purchase", home[2])
    )
    await console.put_items({"item_id": home[3], "stock": 0})
    shown = await page(console, "/customer", user_id=USER)
    text, held = text_of(shown), shown.partition('id="held"')[2].partition("</section>")[0]
    for words in ("add to cart", "not interested", "purchase", "In the cart:"):
        assert words in text
    for item, why in zip(
        home[:4], ("in their cart", "do not want it", "bought it just now", "out of stock"), strict=True
    ):
        row = next(row for row in held.split("<tr>") if f"<code>{html.escape(item)}</code>" in row)
        assert why in row
    offers = shown.partition('id="shelf-home"')[2].partition("</details>")[0]
    assert not set(home[:4]) & {html.unescape(item) for item in re.findall(r"<code>([^<]+)</code>", offers)}


async def test_looking_changes_nothing(console: Served) -> None:
    """No event is reported, and the next slate is the one before."""
    before = ids(await console.get(f"/v1/users/{USER}/recommendations"))
    for _ in range(3):
        await page(console, "/customer", user_id=USER)
    assert await console.state.stores.stream.length() == 0
    assert ids(await console.get(f"/v1/users/{USER}/recommendations")) == before


@pytest.mark.parametrize("sort", [order.value for order in Order])
async def test_a_past_can_be_sorted_and_shown_whole(console: Served, sort: str) -> None:
    """All items are there, whatever their order."""
    past = (await page(console, "/customer", user_id=USER, sort=sort, items="all")).partition('id="past"')[2]
    history = shop_model().histories.of(shop_model().users.index(USER))
    shown = {html.unescape(item) for item in re.findall(r"<code>([^<]+)</code>", past.partition("</table>")[0])}
    assert shown == {shop_model().items.ids[item] for item in history.item.tolist()}


async def test_newcomers_get_an_answer(console: Served) -> None:
    """Somebody the model never heard of is shown with what they did since."""
    assert "does not know this customer, and nothing was heard" in text_of(
        await page(console, "/customer", user_id="nobody")
    )
    item = shop_model().items.ids[0]
    await console.post("/v1/events", {"events": [{"event": "click", "user_id": "nobody", "item_id": item}]}, status=202)
    assert "but they were here since" in text_of(await page(console, "/customer", user_id="nobody"))


@pytest.mark.parametrize("strange", STRANGE)
async def test_strange_ids_are_text(console: Served, strange: str) -> None:
    """HTML, ways up, percent signs and 空 are shown as they are, searched for and looked up."""
    await console.post(
        "/v1/events", {"events": [{"event": "click", "user_id": strange, "item_id": strange}]}, status=202
    )
    for path, name in (("/customer", "user_id"), ("/customers", "q")):
        asked: dict[str, Any] = {name: strange}
        text = await page(console, path, **asked)
        assert html.escape(strange) in text.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
        assert "<b>x" not in text
        assert "<script" not in text
        assert "49" not in text_of(text).partition("Experiments")[0]


@pytest.mark.parametrize("wrong", ["", "a\x00b", "line\nbreak", "x" * 600, "\x7f"])
async def test_what_can_be_no_id_is_said_to_be_none(console: Served, wrong: str) -> None:
    """The page says why; it is no error of the server."""
    assert "alert" in await page(console, "/customer", status=400, user_id=wrong)
    assert (await console.client.get("/console/customers", params={"q": wrong})).status_code == 200


@pytest.mark.parametrize("query", ["user_id=%ff", "sort=up&user_id=1", "items=none&user_id=1"])
async def test_wrong_addresses_are_answered(console: Served, query: str) -> None:
    """With a 400, not a 500."""
    assert (await console.client.get(f"/console/customer?{query}")).status_code == 400


async def test_customers_with_awkward_ids_are_found(serve: Serve, stores: Stores, registry: Shelves) -> None:
    """Each id of a log full of slashes, colons and 空 can be searched for and opened by its link."""
    await published(registry.hostile, stores)
    async with serve() as running, looked_at(running) as here:
        for user in hostile_model().users.ids:
            listed = await page(here, "/customers", q=user)
            links = [html.unescape(link) for link in re.findall(r'<th scope="row"><a href="([^"]+)"', listed)]
            shown = await here.client.get(f"/console/{links[0]}")
            assert shown.status_code == 200
            assert f"<h1>{html.escape(user)}</h1>" in shown.text.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")


@given(st.lists(st.text("ab/空", min_size=1, max_size=4), max_size=80), st.text("ab/空", min_size=1, max_size=3))
def test_search_finds_what_begins_so(names: list[str], prefix: str) -> None:
    """The first of them, ascending, and whether there are more; nobody who was erased."""
    users, erased = IdMap.from_values(names), set(names[:3])
    found, more = search(users, prefix, is_erased=erased.__contains__)
    every = [name for name in users.ids if name.startswith(prefix) and name not in erased]
    assert found == every[:MAX_FOUND]
    assert more == (len(every) > MAX_FOUND)


async def test_erased_customers_are_not_shown(console: Served) -> None:
    """Neither their past, which the model still holds, nor in a search."""
    assert (await console.client.delete(f"/v1/users/{USER}")).status_code == 200
    text = await page(console, "/customer", user_id=USER)
    assert "asked to be forgotten" in text
    assert "What they bought before" not in text
    assert "No customer of the model" in await page(console, "/customers", q=USER)


async def test_nobody_is_named_in_the_log(console: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Each look-up is a line with the request's id and the key's, and without the customer's."""
    with caplog.at_level(logging.DEBUG):
        await console.client.get("/console/customer", params={"user_id": USER}, headers={"X-Request-Id": "look-1"})
        await console.client.get("/console/customers", params={"q": USER[:3]})
    lines = [record for record in caplog.records if record.name.startswith("serving")]
    assert [line.getMessage() for line in lines] == ["a customer was looked up", "customers were searched for"]
    assert all(USER not in str(vars(line)) for line in lines)


async def test_the_log_line_carries_the_request(console: Served) -> None:
    """The same id is on the page, so that somebody who asks can be answered."""
    answer = await console.client.get("/console/customer", params={"user_id": USER}, headers={"X-Request-Id": "look-2"})
    assert answer.headers["x-request-id"] == "look-2"
    assert "<code>look-2</code>" in answer.text


class AwayFromUsers:
    """A store of candidates that does not answer questions about users."""

    def __init__(self, slates: Any) -> None:
        self._slates = slates

    def __getattr__(self, name: str) -> Any:
        return getattr(self._slates, name)

    async def read_user(self, user_id: str, *, version: str | None) -> UserRecord:
        raise StoreUnavailable("away")

    async def ping(self) -> None:
        raise StoreUnavailable("away")


@pytest.fixture
async def without_store(console: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """The same shop while its store is away."""
    away = AwayFromUsers(console.state.stores.slates)
    monkeypatch.setattr(console.state.stores, "slates", away)
    monkeypatch.setattr(console.state.service, "_store", away)
    return console


async def test_without_the_store_the_page_says_so(without_store: Served) -> None:
    """The past is in the model; what happened since is unknown, and shelves say that they are degraded."""
    text = text_of(await page(without_store, "/customer", user_id=USER))
    assert "The store is away" in text
    assert "store unavailable" in text
    assert "What they bought before" in text
    assert "away" in text_of(await page(without_store, ""))


async def test_without_a_model_there_are_pages(empty: Served) -> None:
    """No page fails before the first training."""
    for path in ("", "/customers", "/versions", "/traffic", "/experiments"):
        await page(empty, path)
    assert "No model is served yet" in await page(empty, "/customer", user_id="1")
    assert "No model is served yet" in await page(empty, "/customers", q="1")
    assert "Nothing was trained yet" in await page(empty, "/versions")
    assert "There are no events yet" in await page(empty, "/traffic")
    assert "No experiment is configured" in await page(empty, "/experiments")


async def test_a_look_up_keeps_the_loop_free(console: Served) -> None:
    """Between two turns of the event loop, a page takes less than five milliseconds of its time."""
    for user in (USER, user_id(5)):  # imports and templates
        await page(console, "/customer", user_id=user)
    held = await _longest_turn(console, [user_id(number) for number in range(8)])
    assert np.median(held) < 0.005, held


async def _longest_turn(here: Served, users: list[str]) -> list[float]:
    """Return the longest processor time of one turn of the loop, for each page."""
    held: list[float] = []
    done = anyio.Event()

    async def tick() -> None:
        last = time.thread_time()
        while not done.is_set():
            await anyio.lowlevel.checkpoint()
            now = time.thread_time()
            if held:
                held[-1] = max(held[-1], now - last)
            last = now

    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        for user in users:
            held.append(0.0)
            await page(here, "/customer", user_id=user)
        done.set()
    return held


def told(event: Event, item: str | None, seconds: int, *said: str) -> bytes:
    return orjson.dumps([item, int(event), 1.0, seconds, *said])


def test_complaints_are_open_until_they_are_closed(registry: Shelves) -> None:
    """By their name, or all at once without one; what cannot be read is left out."""
    opened, closed = Event.COMPLAINT_OPENED, Event.COMPLAINT_CLOSED
    stored = [told(opened, None, 10, "a"), told(opened, None, 20, "b"), b"{", b"[1]", told(closed, None, 30, "a")]
    session = session_of(stored[::-1], registry.shop, USER, now=end_of_log())
    assert [complaint.said for complaint in session.complaints] == ["b"]
    assert len(session.told) == 3
    assert not session_of([told(closed, None, 40), *stored[::-1]], registry.shop, USER, now=end_of_log()).complaints


@pytest.mark.parametrize("moment", [1_514_764_800, 1_514_764_800_000])
def test_times_may_be_seconds_or_milliseconds(registry: Shelves, moment: int) -> None:
    """Both mean the same moment."""
    (event,) = session_of([told(Event.CLICK, "x", moment)], registry.shop, USER, now=end_of_log()).told
    assert event.seconds == 1_514_764_800


def pasts() -> Iterator[int]:
    yield from range(0, len(shop_model().users), 17)


def test_what_is_held_back_is_listed_once_for_each_title() -> None:
    """Items of a title share a row for each reason, which says how many they are; ids stand in for titles."""
    model = shop_model()
    titles = ["Milk", "", "Milk", "Milk", "Tea", "Milk", "", *["Other"] * (len(model.items) - 7)]
    catalogue = dataclasses.replace(model.catalogue, title=TextColumn.from_strings(titles))
    engine = Engine(dataclasses.replace(model, catalogue=catalogue), version="v1")
    session = Session(in_cart=frozenset({0, 2, 3}), unwanted=frozenset({1, 3, 4, 5, 6}))
    seen = customer_of(engine, USER, session, shelf=open_shelf(model), now=end_of_log())
    found = [(held.item_id, held.title, held.why.partition(" ")[0], held.count) for held in seen.held_back]
    name = model.items.ids
    assert found == [
        (name[0], "Milk", "it", 3),
        (name[1], "", "they", 1),
        (name[4], "Tea", "they", 1),
        (name[5], "Milk", "they", 1),
        (name[6], "", "they", 1),
    ]


@pytest.mark.parametrize("order", list(Order))
def test_a_past_is_in_the_order_that_was_asked_for(registry: Shelves, order: Order) -> None:
    """The latest, the most often bought, or what is due first."""
    engine = registry.shop
    for index in pasts():
        seen = customer_of(
            engine,
            engine.model.users.ids[index],
            Session(),
            shelf=open_shelf(engine.model),
            now=end_of_log(),
            order=order,
            all_items=True,
        )
        assert len(seen.owned) == seen.n_owned
        last = np.datetime64("9999-12-31")
        ordered: dict[Order, list[Any]] = {
            Order.LATEST: [-owned.last for owned in seen.owned],
            Order.OFTEN: [-owned.orders for owned in seen.owned],
            Order.DUE: [last if owned.due_on is None else owned.due_on for owned in seen.owned],
        }
        assert ordered[order] == sorted(ordered[order])


@pytest.mark.parametrize("code", ["popular", "trending", "buy_again", "because_you_bought", "one_of_tomorrow"])
def test_reasons_are_words(code: str) -> None:
    """Also those of a release to come."""
    words = reason_words(code, None, None, today=date(2018, 1, 1))
    assert words
    assert "_" not in words
