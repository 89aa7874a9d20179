"""What the pages show, and what they never show."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from serving.events.files import MERGE
from serving.settings import AppSettings
from serving.shop.assets import asset
from serving.stores import Stores
from tests.planted import HOSTILE_IDS, item_id, user_id
from tests.serving.conftest import Shelves, published
from tests.serving.shop.conftest import Visit, Visitor, shown

pytestmark = pytest.mark.anyio

PAGES: list[tuple[str, dict[str, str], int]] = [
    ("", {}, 200),
    ("search", {}, 200),
    ("search", {"q": "thing"}, 200),
    ("search", {"q": "nothing like it"}, 200),
    ("departments", {}, 200),
    ("department", {"name": "upstairs"}, 200),
    ("department", {"name": "upstairs", "category": "aisle 1"}, 200),
    ("department", {"name": "cellar"}, 404),
    ("item", {"id": item_id(3)}, 200),
    ("item", {"id": "nobody knows"}, 404),
    ("cart", {}, 200),
    ("orders", {}, 200),
    ("order", {"id": "not mine"}, 404),
    ("sign-in", {}, 200),
    ("nothing", {}, 404),
    ("nothing/of/this", {}, 404),
]


@pytest.mark.parametrize("is_guest", [True, False])
async def test_every_page_is_shown_and_strict(visitor: Visitor, is_guest: bool) -> None:
    """Each has one heading of the first rank and a title, nothing inline or from elsewhere, and is not kept."""
    if not is_guest:
        await visitor.send("sign-in", user=user_id(3))
        await visitor.send("cart", id=item_id(5))
    for page, parameters, status in PAGES if is_guest else [*PAGES, ("checkout", {}, 200)]:
        response = await visitor.client.get(f"/shop/{page}" if page else "/shop", params=parameters)
        assert response.status_code == status, page
        text = response.text
        assert len(re.findall(r"<h1[ >]", text)) == 1, page
        assert re.search(r"<title>\S.* · Corner</title>", text), page
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)", text), page
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text), page
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert "form-action 'self'; frame-ancestors 'none'" in policy
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/shop", "/shop/search", "/shop/nothing", "/shop/nothing/of/this", "/shop/"])
async def test_every_page_leads_home(visitor: Visitor, path: str) -> None:
    """Relative addresses hold however deep a page stands, and however wrong its address is."""
    page = await visitor.client.get(path)
    home = re.search(r'class="brand" href="([^"]*)"', page.text)
    assert home is not None
    assert page.url.join(home[1]).path == "/shop"


async def test_the_cookie_is_kept_from_scripts_and_other_sites(visitor: Visitor) -> None:
    """HttpOnly and SameSite; Secure as soon as the page came over TLS."""
    cookie = (await visitor.client.get("/shop")).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    assert "secure" in (await visitor.client.get("https://localhost/shop")).headers["set-cookie"].lower()


async def test_a_department_shows_each_of_its_items_once(visitor: Visitor) -> None:
    """The pages of a department together hold what stands there, and the page after the last one is the last one."""
    found = [shown(await visitor.see("department", name="upstairs", page=page)) for page in (1, 2, 3)]
    everything = [each for page in found for each in page]
    assert sorted(everything) == sorted(item_id(n) for n in range(120) if n % 4 % 2)
    assert shown(await visitor.see("department", name="upstairs", page=99)) == found[-1]
    for nonsense in ("0", "-1", "x", "9" * 30, "²"):
        assert await visitor.see("department", name="upstairs", page=nonsense)


async def test_items_are_sorted_by_price(visitor: Visitor) -> None:
    """Low to high is high to low turned round, and what is shown is the price of now."""
    await visitor.served.put_items({"item_id": item_id(1), "price": 0.01})
    up = shown(await visitor.see("department", name="upstairs", category="aisle 1", sort="cheap"))
    down = shown(await visitor.see("department", name="upstairs", category="aisle 1", sort="dear"))
    assert up[0] == item_id(1)
    rest = shown(await visitor.see("department", name="upstairs", category="aisle 1", sort="cheap", page=2))
    assert down == [*up, *rest][:-25:-1]
    assert "€0.01" in await visitor.see("item", id=item_id(1))


async def test_search_finds_by_words_and_by_id(visitor: Visitor) -> None:
    """The beginning of a word is enough; an id leads to its item; a category narrows."""
    assert shown(await visitor.see("search", q="thing 17"))[0] == item_id(17)
    assert shown(await visitor.see("search", q=item_id(17)))[0] == item_id(17)
    narrowed = shown(await visitor.see("search", q="thi", category="aisle 2"))
    assert len(narrowed) == 24
    assert {*narrowed} <= {item_id(n) for n in range(120) if n % 4 == 2}


async def test_a_search_without_results_offers_something(visitor: Visitor) -> None:
    """What sells best, and the word that was perhaps meant."""
    page = await visitor.see("search", q="thingg")
    assert "Did you mean" in page
    assert ">thing</a>" in page
    assert len(shown(page)) == 12


async def test_stock_counts_at_once(visitor: Visitor) -> None:
    """What is sold out says so, stands last, cannot be put into the cart, and is no bestseller."""
    best = shown(await visitor.see("search"))[0]
    await visitor.served.put_items({"item_id": best, "stock": 0})
    assert best not in shown(await visitor.see("search"))
    page = await visitor.see("item", id=best)
    assert "Sold out" in page
    assert '<button class="primary" type="submit" disabled>' in page


@pytest.mark.parametrize("named", HOSTILE_IDS)
async def test_ids_of_any_shape_have_a_page(visit: Visit, stores: Stores, registry: Shelves, named: str) -> None:
    """Slashes, dots, quotes, markup and 空: the product, the cart and the shelves speak of that very item and user."""
    await published(registry.hostile, stores)
    async with visit() as visitor:
        await visitor.send("sign-in", user=named)
        await visitor.send("cart", id=named)
        page = await visitor.see("item", id=named)
        assert "<script>alert" not in page
        shelf = re.search(r'placement="product"[^>]*? item="([^"]*)"', page)
        assert shelf is not None
        assert html.unescape(shelf[1]) == named
        assert in_cart(await visitor.see("cart")) == [named]


def in_cart(page: str) -> list[str]:
    """Return the ids that a cart's shelf is told of."""
    told = re.search(r'placement="cart"[^>]*? items="([^"]*)"', page)
    assert told is not None
    found: list[str] = json.loads(html.unescape(told[1]))
    return found


async def test_markup_in_the_catalogue_is_text(visitor: Visitor) -> None:
    """A title that looks like a script, or like a template, is shown as it is written."""
    await visitor.served.put_items({"item_id": item_id(0), "title": "<script>alert(1)</script> {{ 7*7 }}"})
    page = await visitor.see("item", id=item_id(0))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }}" in page


async def test_words_of_a_visitor_are_text(visitor: Visitor) -> None:
    """What is searched for comes back as text."""
    page = await visitor.see("search", q='"><img src=x onerror=alert(1)>')
    assert "<img src=x" not in page


async def test_a_household_sees_what_it_bought(visitor: Visitor) -> None:
    """Orders, and how often and when on the product's page; nothing of it for a guest."""
    assert "Bought before" not in await visitor.see("orders")
    await visitor.send("sign-in", user=user_id(3))
    page = await visitor.see("orders")
    assert "Bought before" in page
    assert re.search(r"You bought this \S+", await visitor.see("item", id=shown(page)[0]))


async def test_nobody_sees_what_was_forgotten(visitor: Visitor) -> None:
    """The past of a user who asked to be forgotten is shown to nobody."""
    await visitor.served.client.delete(f"/v1/users/{quote(user_id(3))}")
    await visitor.send("sign-in", user=user_id(3))
    assert "Bought before" not in await visitor.see("orders")


async def test_households_can_be_chosen(visitor: Visitor, settings: AppSettings) -> None:
    """The sign-in page follows the demo's file, whatever stands in it."""
    settings.data_dir.mkdir(exist_ok=True)
    settings.households_file.write_text(
        json.dumps([{"user_id": "家:1", "label": "The <b>Wangs</b>", "note": "Tea."}]), encoding="utf-8"
    )
    page = await visitor.see("sign-in")
    assert "The &lt;b&gt;Wangs&lt;/b&gt;" in page
    assert 'value="家:1"' in page


async def test_a_damaged_file_of_households_shuts_nothing(
    visitor: Visitor, settings: AppSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """The pages are there, nobody is offered to be shopped as, and the log says once what to do."""
    settings.data_dir.mkdir(exist_ok=True)
    settings.households_file.write_text("{", encoding="utf-8")
    await visitor.send("sign-in", user=user_id(3))
    await visitor.see("sign-in")
    assert sum("write it anew with" in record.getMessage() for record in caplog.records) == 1


async def test_a_look_is_reported_once(visitor: Visitor, settings: AppSettings) -> None:
    """A product opened from a list is a click, however often it is loaded; from a shelf the widget reports it."""
    await visitor.send("sign-in", user=user_id(3))
    for via in ("search", "search", "shelf", "made up"):
        await visitor.see("item", id=item_id(7), via=via)
    await visitor.client.get(
        "/shop/item", params={"id": item_id(8), "via": "search"}, headers={"Sec-Purpose": "prefetch"}
    )
    events = await reported(visitor, settings)
    assert [(each["event"], each["item_id"], each["placement"]) for each in events] == [("click", item_id(7), "search")]
    assert events[0]["user_id"] == user_id(3)


async def reported(visitor: Visitor, settings: AppSettings) -> list[dict[str, Any]]:
    """Return every event of the log, oldest first."""
    await visitor.served.state.drain.run_once()
    lines = [line for path in sorted(settings.events_dir.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [event for event in map(json.loads, lines) if event["event"] != MERGE]


async def test_without_a_model_the_shop_says_what_to_do(visit: Visit, tmp_path: Any) -> None:
    """A fresh installation has a page, too."""
    async with visit(registry_root=tmp_path / "nothing") as visitor:
        response = await visitor.client.get("/shop")
        assert response.status_code == 503
        assert "make train" in response.text


async def test_the_front_door_leads_to_the_shop(visitor: Visitor) -> None:
    """The redirect is relative, so that it holds behind a path prefix."""
    assert (await visitor.client.get("/")).headers["location"] == "shop"


@pytest.mark.parametrize("name", ["shop.css", "shop.js", "favicon.svg"])
async def test_assets_are_sent_once(visitor: Visitor, name: str) -> None:
    """What a browser holds is not sent again."""
    first = await visitor.client.get(f"/shop/assets/{name}")
    assert first.status_code == 200
    again = await visitor.client.get(f"/shop/assets/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["base.html.j2", "..%2Fshop.py", "..%2F..%2Fapp.py", "__init__.py"])
async def test_only_listed_assets_are_sent(visitor: Visitor, name: str) -> None:
    """Templates, source files and parent folders cannot be reached."""
    assert (await visitor.client.get(f"/shop/assets/{name}")).status_code == 404


def test_the_script_writes_text_as_text() -> None:
    """No code path turns a string into markup or into code."""
    source = asset("shop.js").content.decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", source)
