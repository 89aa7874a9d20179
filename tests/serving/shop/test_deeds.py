"""What a visitor does: reported, told in plain words, and seen on the next slate."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from serving.events.files import MERGE
from serving.settings import AppSettings, RedisSettings
from serving.shop.session import COOKIE, MAX_LINES, MAX_QUANTITY
from serving.stores.redis import RedisStores
from tests.planted import item_id, user_id
from tests.serving.conftest import Shelves, published
from tests.serving.shop.conftest import Visit, Visitor, news
from tests.serving.switch import Switch

pytestmark = pytest.mark.anyio

USER = user_id(3)


@pytest.fixture
async def regular(visitor: Visitor) -> Visitor:
    """The visitor as a regular of the planted shop."""
    await visitor.does("sign-in", user=USER)
    return visitor


async def reported(visitor: Visitor, settings: AppSettings) -> list[dict[str, Any]]:
    """Return every event of the log, oldest first."""
    await visitor.served.state.drain.run_once()
    lines = [line for path in sorted(settings.events_dir.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [event for event in map(json.loads, lines) if event["event"] != MERGE]


async def ordered(visitor: Visitor, *items: str) -> str:
    """Buy items; return the order's id."""
    for each in items:
        await visitor.send("cart", id=each)
    return (await visitor.send("checkout")).headers["location"].partition("id=")[2].partition("&")[0]


async def test_a_new_customer_is_told_what_their_shelves_go_by(visitor: Visitor) -> None:
    """Who brings along a guest's cart, or has ordered since, is no stranger to the shelves, and no page says so."""
    await visitor.send("cart", id=item_id(0))
    page = await visitor.does("sign-in", user="new-1")
    assert (await visitor.served.get("/v1/users/new-1/recommendations"))["source"] == "folded_in"
    assert "Your shelves go by what you did here already" in news(page)
    assert "Nothing is known" not in page
    await visitor.does("sign-out")
    page = await visitor.does("sign-in", user="new-2")
    assert (await visitor.served.get("/v1/users/new-2/recommendations"))["source"] == "popular"
    told = ("in the news", "at the top", "behind the shelves")
    assert page.count("Nothing is known of you yet") == len(told)
    await ordered(visitor, item_id(4))
    page = await visitor.see()
    assert (await visitor.served.get("/v1/users/new-2/recommendations"))["source"] == "folded_in"
    assert "your shelves go by what you did here" in page


async def test_nobody_shops_as_somebody_who_does_not_exist(visitor: Visitor) -> None:
    """An id that is not in the log is refused where it was typed, and the visitor stays who they are."""
    page = await visitor.does("sign-in", user="nobody-<b>here</b>")
    assert "Nobody in the log has the id “nobody-&lt;b&gt;here&lt;/b&gt;”" in page
    assert 'value="nobody-&lt;b&gt;here&lt;/b&gt;"' in page
    assert "Who is shopping?" in page
    assert news(page) == ""
    assert "You shop as" in news(await visitor.does("sign-in", user=f" {USER} "))


async def test_what_is_in_the_cart_is_not_offered(regular: Visitor, settings: AppSettings) -> None:
    """Added, counted, told, reported, and gone from the next slate; taken out, it may come back."""
    first = (await regular.shelf(USER))[0]
    page = await regular.does("cart", id=first, quantity="2", back="search?q=thing")
    assert "data-cart-count>2<" in page
    assert "In your cart: Thing" in news(page)
    assert first not in await regular.shelf(USER)
    assert "In your cart" not in news(await regular.see("search", q="thing"))
    await regular.send("cart", id=first, set="0")
    assert first in await regular.shelf(USER)
    kinds = [(each["event"], each["quantity"], each["user_id"]) for each in await reported(regular, settings)]
    assert kinds == [("add_to_cart", 2.0, USER), ("remove_from_cart", 2.0, USER)]


async def test_what_is_bought_leaves_the_shelf(regular: Visitor, settings: AppSettings) -> None:
    """One order of several lines; its items are gone from the next slate, and the page says so."""
    before = await regular.shelf(USER)
    await regular.send("cart", id=before[0], quantity="3")
    await regular.send("cart", id=before[1])
    page = await regular.does("checkout")
    assert "Thank you for your order of 4 items." in news(page)
    assert not {*before[:2]} & {*await regular.shelf(USER)}
    purchases = [each for each in await reported(regular, settings) if each["event"] == "purchase"]
    assert [(each["item_id"], each["quantity"]) for each in purchases] == [(before[0], 3.0), (before[1], 1.0)]
    assert len({each["order_id"] for each in purchases}) == 1
    assert all(each["price"] > 0 for each in purchases)
    assert "data-cart-count>0<" in page


async def test_what_is_not_for_somebody_leaves_the_shelf(regular: Visitor) -> None:
    """At once, and for good."""
    first = (await regular.shelf(USER))[0]
    assert "Not for you: Thing" in news(await regular.does("not-for-me", id=first))
    assert first not in await regular.shelf(USER)


async def test_an_order_can_be_returned_and_complained_about(regular: Visitor, settings: AppSettings) -> None:
    """Each line once; a complaint is opened and closed; all of it names the order."""
    order = await ordered(regular, item_id(7), item_id(9))
    assert "On its way back: Thing 7." in news(await regular.does("return", order=order, id=item_id(7)))
    await regular.send("return", order=order, id=item_id(7))
    assert "Your complaint is open." in news(await regular.does("complaint", order=order))
    assert "Close the complaint" in await regular.see("order", id=order)
    assert "Your complaint is closed." in news(await regular.does("complaint", order=order))
    events = [each for each in await reported(regular, settings) if each["event"] not in ("add_to_cart", "purchase")]
    assert [(each["event"], each.get("item_id"), each["order_id"]) for each in events] == [
        ("return", item_id(7), order),
        ("complaint_opened", None, order),
        ("complaint_closed", None, order),
    ]


async def test_nobody_returns_what_was_not_bought(regular: Visitor, settings: AppSettings) -> None:
    """Orders of others, items that are not in the order: nothing happens, and nothing is reported."""
    order = await ordered(regular, item_id(7))
    before = len(await reported(regular, settings))
    await regular.send("return", order=order, id=item_id(8))
    await regular.send("return", order="demo-another", id=item_id(7))
    await regular.send("complaint", order="demo-another")
    assert len(await reported(regular, settings)) == before


async def test_a_new_customer_is_met_with_their_first_order(visitor: Visitor) -> None:
    """Nothing is known of them; after one order their shelf follows it."""
    page = await visitor.does("sign-in", new="1")
    assert "Nothing is known of you yet" in news(page)
    user = page.partition(' user="')[2].partition('"')[0]
    assert user.startswith("new-")
    assert (await visitor.served.get(f"/v1/users/{user}/recommendations"))["source"] == "popular"
    await ordered(visitor, item_id(0), item_id(4), item_id(8))
    assert (await visitor.served.get(f"/v1/users/{user}/recommendations"))["source"] == "folded_in"


async def test_a_guests_cart_comes_along(visitor: Visitor, settings: AppSettings) -> None:
    """Whoever signs in keeps the cart, and is not offered what lies in it; whoever signs out leaves it behind."""
    first = (await visitor.shelf(USER))[0]
    await visitor.send("cart", id=first)
    page = await visitor.does("sign-in", user=USER)
    assert "data-cart-count>1<" in page
    assert first not in await visitor.shelf(USER)
    page = await visitor.does("sign-out")
    assert "data-cart-count>0<" in page
    assert "You are a guest again." in news(page)
    events = await reported(visitor, settings)
    assert [(each["event"], each.get("user_id")) for each in events] == [("add_to_cart", None)]


async def test_guests_see_what_they_did(visitor: Visitor) -> None:
    """A guest's shelf, asked for under the visit's id, lacks what lies in their cart, and follows what they buy."""
    page = await visitor.see()
    guest = page.partition('anonymous-id="')[2].partition('"')[0]

    async def shelf() -> dict[str, Any]:
        return await visitor.served.post("/v1/recommendations", {"anonymous_id": guest, "limit": 12})

    first = (await shelf())["items"][0]["item_id"]
    await visitor.send("cart", id=first)
    assert first not in [item["item_id"] for item in (await shelf())["items"]]
    await ordered(visitor, item_id(0), item_id(4), item_id(8))
    assert (await shelf())["source"] == "folded_in"


async def test_the_cart_has_limits(visitor: Visitor) -> None:
    """So many of one item, so many lines; whatever is typed is a quantity or ignored; and the visitor is told."""
    await visitor.send("cart", id=item_id(0), quantity="5000")
    await visitor.send("cart", id=item_id(0), quantity="1e9")
    page = await visitor.see("cart")
    assert f"data-cart-count>{MAX_QUANTITY}<" in page
    token = await visitor.token()
    for number in range(1, MAX_LINES + 1):
        await visitor.client.post("/shop/cart", data={"form": token, "id": item_id(number)})
    page = await visitor.see("cart")
    assert f"data-cart-count>{MAX_QUANTITY + MAX_LINES - 1}<" in page
    assert "Your cart is full" in news(page)
    assert len(visitor.client.cookies[COOKIE]) < 4000


async def test_nobody_buys_what_is_sold_out(visitor: Visitor) -> None:
    """The button is disabled, and who sends the form all the same is told."""
    await visitor.served.put_items({"item_id": item_id(0), "stock": 0})
    page = await visitor.does("cart", id=item_id(0))
    assert "data-cart-count>0<" in page
    assert "is sold out" in news(page)


async def test_nothing_is_bought_with_an_empty_cart(visitor: Visitor) -> None:
    """Neither page nor form of the checkout do anything."""
    assert (await visitor.client.get("/shop/checkout")).headers["location"] == "../shop/cart"
    assert (await visitor.send("checkout")).headers["location"] == "../shop/cart"


async def test_a_script_is_answered_in_json(visitor: Visitor) -> None:
    """Count and words, for a page that stays; what the widget reported is not reported twice."""
    token = await visitor.token()
    answer = await visitor.client.post(
        "/shop/cart",
        data={"form": token, "id": item_id(1), "reported": "1"},
        headers={"Accept": "application/json", "Origin": "http://localhost:8000"},
    )
    assert answer.json()["count"] == 1
    assert answer.json()["hints"][0]["deed"] == "In your cart: Thing 1."
    assert await visitor.served.state.drain.run_once() == 0
    assert news(await visitor.see("cart")) == ""


FORMS = ("cart", "checkout", "not-for-me", "return", "complaint", "sign-in", "sign-out")


@pytest.mark.parametrize("form", FORMS)
async def test_no_other_site_sends_a_form(visitor: Visitor, settings: AppSettings, form: str) -> None:
    """Without this visit's token, or with one of another visit, nothing is done."""
    fields = {"id": item_id(1), "user": USER, "order": "x"}
    other = await visitor.token()
    visitor.client.cookies.clear()
    await visitor.token()
    for token in ({}, {"form": other}, {"form": "空"}, {"form": ""}):
        answer = await visitor.client.post(f"/shop/{form}", data=fields | token)
        assert answer.status_code == 403
        assert "This form has expired" in answer.text
    assert await reported(visitor, settings) == []


@pytest.mark.parametrize("body", [b"\xff\xfe", b"form=%ff", b"&".join([b"a=1"] * 50), b"{}", b""])
async def test_bodies_that_are_no_form_are_refused(visitor: Visitor, body: bytes) -> None:
    """Neither bytes that are no text nor too many fields are an error of the server."""
    assert (await visitor.client.post("/shop/cart", content=body)).status_code == 403


async def test_long_forms_are_refused(visitor: Visitor) -> None:
    """No form of the shop is so long."""
    answer = await visitor.client.post("/shop/cart", data={"form": await visitor.token(), "id": "x" * 20_000})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "back",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "../../v1/metrics",
        "\r\nX: y",
    ],
)
async def test_forms_lead_nowhere_else(visitor: Visitor, back: str) -> None:
    """Wherever a form says it came from, the answer leads to a page of the shop."""
    answer = await visitor.send("cart", id=item_id(1), back=back)
    assert answer.headers["location"] == "../shop"


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Let no file of this process grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


async def test_what_cannot_be_recorded_is_said(
    visit: Visit, settings: AppSettings, stores: RedisStores, registry: Shelves, valkey_url: str
) -> None:
    """With neither Redis nor a disk, nothing is bought, and the cart is kept."""
    await published(registry.shop, stores)
    road = Switch(valkey_url)
    await road.on()
    away = settings.model_copy(update={"redis": RedisSettings(url=road.url, timeout_ms=2_000)})
    connected = RedisStores.connect(road.url, away)
    async with visit(settings=away, store=connected) as visitor:
        await visitor.send("cart", id=item_id(1))
        token = await visitor.token()
        await road.off()
        with full_disk():
            answer = await visitor.client.post("/shop/checkout", data={"form": token})
        assert answer.headers["location"] == "../shop/cart"
        page = await visitor.see("cart")
        await road.on()
    assert "That could not be recorded." in news(page)
    assert "data-cart-count>1<" in page
    await road.off()
    await connected.close()
