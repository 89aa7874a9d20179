"""The widget's promises, each in a real browser under a policy that forbids every inline style and script."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from serving import web
from tests.serving.web.conftest import Problems
from tests.serving.web.fake_api import FakeApi
from tests.serving.web.shelf_pages import SHELF, open_page, ready

pytestmark = pytest.mark.browser

SOURCE = "\n".join(file.read_text("utf-8") for file in sorted(Path(web.__file__).parent.glob("widget*.js")))
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "widget.md"
HTML_BLOCK = re.compile(r"^```html\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_a_shelf_shows_title_price_picture_and_reason(page: Page, api: FakeApi, problems: Problems) -> None:
    """Two lines of HTML give a shelf, and nothing goes wrong on the way."""
    open_page(page, '<regulars-shelf placement="home" user="空 a/b:c%" limit="5"></regulars-shelf>')
    ready(page)
    assert api.requests[0]["user"] == "空 a/b:c%"
    cards = page.locator(".regulars-card")
    expect(cards).to_have_count(5)
    expect(cards.first.locator(".regulars-name")).not_to_be_empty()
    expect(cards.first.locator(".regulars-price")).to_contain_text("$")
    expect(cards.first.locator(".regulars-reason")).not_to_be_empty()
    assert page.locator("img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    assert problems == []


@pytest.mark.parametrize(
    ("attributes", "path", "body"),
    [
        ('placement="home"', "/v1/recommendations", {"placement": "home", "seeds": {"viewed": []}, "limit": 8}),
        (
            'placement="home" items="a, b" category="Coffee"',
            "/v1/recommendations",
            {"placement": "home", "seeds": {"viewed": ["a", "b"]}, "filters": {"categories": ["Coffee"]}, "limit": 8},
        ),
        (
            """placement="cart" user="7" items='["a,b","空"]' limit="3" """,
            "/v1/recommendations",
            {"placement": "cart", "seeds": {"cart": ["a,b", "空"]}, "user_id": "7", "limit": 3},
        ),
        ('placement="product" item="SKU 12/3"', "/v1/items/SKU 12/3/similar", None),
        ('placement="bought-together" item="a:b%2F"', "/v1/items/a:b%2F/bought-together", None),
        ('placement="reorder" user="7"', "/v1/users/7/buy-again", None),
        ('placement="trending"', "/v1/trending", None),
        ('placement="bestsellers"', "/v1/bestsellers", None),
    ],
)
def test_each_placement_asks_its_endpoint(
    page: Page, api: FakeApi, attributes: str, path: str, body: dict[str, Any] | None
) -> None:
    """What a shelf asks follows from its attributes alone."""
    open_page(page, f"<regulars-shelf {attributes}></regulars-shelf>")
    ready(page)
    asked = api.requests[0]
    assert asked.get("body") == body
    assert asked["path"] == path


def test_a_long_list_of_items_is_cut_to_what_the_api_takes(page: Page, api: FakeApi) -> None:
    """More than 200 items in the cart cost the last of them, and not the shelf."""
    open_page(page, f'<regulars-shelf placement="cart" items="{",".join(map(str, range(201)))}"></regulars-shelf>')
    ready(page)
    assert api.requests[0]["body"]["seeds"]["cart"] == [str(number) for number in range(200)]


@pytest.mark.parametrize(
    ("reason", "language", "text"),
    [
        ({"code": "because_you_bought", "item_title": "Whole Milk"}, "en", "Because you bought Whole Milk"),
        ({"code": "bought_together", "item_title": "Whole Milk"}, "en", "Bought together with Whole Milk"),
        ({"code": "similar_to", "item_title": "Whole Milk"}, "en", "Similar to Whole Milk"),
        ({"code": "popular_in_category"}, "en", "Popular in Tea"),
        ({"code": "favourite_category"}, "en", "Because you like Tea"),
        ({"code": "trending"}, "en", "Trending now"),
        ({"code": "popular"}, "en", "A favourite in this shop"),
        ({"code": "buy_again", "due_on": "2017-12-30"}, "en", "Time to restock"),
        ({"code": "buy_again", "due_on": "2018-02-09"}, "en-GB", "You may need it around 9\u00a0Feb"),
        ({"code": "buy_again", "due_on": None}, "en", "Buy again"),
        ({"code": "because_you_bought", "item_title": "牛奶"}, "zh-CN", "因为你买过牛奶"),
        ({"code": "because_you_bought", "item_title": None}, "xx", "A favourite in this shop"),
        ({"code": "from_the_future"}, "en", ""),
        (None, "en", ""),
    ],
)
def test_reasons_are_words_in_the_pages_language(
    page: Page, api: FakeApi, reason: dict[str, Any] | None, language: str, text: str
) -> None:
    """The API sends codes; the widget finds the words, and says nothing rather than something broken."""
    api.overrides = {"reason": reason, "category": "Tea"}
    open_page(page, f'<regulars-shelf lang="{language}"></regulars-shelf>')
    ready(page)
    expect(page.locator(".regulars-reason").first).to_have_text(text)


def test_prices_follow_language_and_currency(page: Page, api: FakeApi) -> None:
    """Intl formats what it knows; an unknown currency or a missing price does no harm."""
    api.overrides = {"price": 1234.5, "currency": "EUR"}
    open_page(page, '<regulars-shelf lang="de"></regulars-shelf>')
    ready(page)
    price = page.locator(".regulars-price").first
    expect(price).to_have_text("1.234,50\u00a0€")
    for overrides, text in (({"price": 3, "currency": "points"}, "3 points"), ({"price": None}, "")):
        api.overrides = overrides
        page.evaluate("document.querySelector('regulars-shelf').refresh()")
        expect(price).to_have_text(text)


@pytest.mark.parametrize(
    ("language", "date", "price"),
    [
        ("de_DE", "9.\u00a0Feb.", "1.234,50\u00a0€"),
        ("e", "Feb\u00a09", "€1,234.50"),
        ("fr_FR.UTF-8", "Feb\u00a09", "€1,234.50"),
        ("", "Feb\u00a09", "€1,234.50"),
    ],
)
def test_a_language_that_is_none_costs_no_shelf(
    page: Page, api: FakeApi, language: str, date: str, price: str, problems: Problems
) -> None:
    """An underscore is read as the hyphen it should be; where that does not help, the browser's language is taken."""
    reason = {"code": "buy_again", "due_on": "2018-02-09"}
    api.overrides = {"price": 1234.5, "currency": "EUR", "reason": reason}
    open_page(page, f'<regulars-shelf lang="{language}"></regulars-shelf>')
    ready(page)
    expect(page.locator(".regulars-reason").first).to_have_text(f"You may need it around {date}")
    expect(page.locator(".regulars-price").first).to_have_text(price)
    assert problems == []


def test_markup_in_the_catalogue_is_shown_as_text(page: Page, api: FakeApi, problems: Problems) -> None:
    """A hostile title, reason or link neither runs nor breaks the shelf."""
    evil = '<img src=x onerror="window.hacked=1">'
    api.overrides = {
        "title": evil,
        "url": "javascript:window.hacked=1",
        "image_url": "javascript:window.hacked=1",
        "reason": {"code": "similar_to", "item_title": evil},
    }
    open_page(page, "<regulars-shelf></regulars-shelf>")
    ready(page)
    card = page.locator(".regulars-card").first
    expect(card.locator(".regulars-name")).to_have_text(evil)
    expect(card.locator(".regulars-reason")).to_have_text(f"Similar to {evil}")
    assert card.locator("a").count() == 0
    card.locator(".regulars-title").click()
    assert page.evaluate("window.hacked") is None
    assert problems == []


def test_nothing_moves_when_the_picks_arrive(page: Page, api: FakeApi) -> None:
    """A grey card is exactly as tall as a full one, and the fallback waits behind the scenes."""
    api.delay_seconds = 2
    open_page(page, '<regulars-shelf user="7" add><p slot="fallback">Our own picks</p></regulars-shelf>')
    ready(page, "loading")
    expect(page.get_by_text("Our own picks")).to_be_hidden(timeout=1000)
    top = "document.getElementById('after').getBoundingClientRect().top"
    before = page.evaluate(top)
    ready(page)
    assert page.evaluate(top) == pytest.approx(before, abs=0.5)


def _count_events(page: Page) -> None:
    page.add_init_script(
        "window.heard = [];"
        "for (const name of ['loaded', 'empty', 'error', 'click', 'add'])"
        "  document.addEventListener('regulars:' + name, (event) => window.heard.push(name));"
    )


@pytest.mark.parametrize("mood", ["broken", "empty", "slow"])
def test_a_failing_or_empty_shelf_leaves_its_fallback(page: Page, api: FakeApi, mood: str, problems: Problems) -> None:
    """An API that is broken, silent or has nothing to offer costs the page its shelf, and nothing else."""
    api.broken, api.empty, api.delay_seconds = mood == "broken", mood == "empty", 1.0 if mood == "slow" else 0.0
    _count_events(page)
    patience = 'timeout="300"' if mood == "slow" else ""
    open_page(page, f'<regulars-shelf {patience}><p slot="fallback">Our own picks</p></regulars-shelf>')
    ready(page, "fallback")
    expect(page.get_by_text("Our own picks")).to_be_visible()
    assert page.evaluate("window.heard") == ["empty" if mood == "empty" else "error"]
    assert problems == []


def test_without_a_fallback_the_shelf_hides(page: Page, api: FakeApi) -> None:
    """An empty shelf leaves no heading and no hole, and comes back when there is something to show."""
    api.empty = True
    open_page(page, "<regulars-shelf></regulars-shelf>")
    ready(page, "hidden")
    expect(page.locator(SHELF)).to_be_hidden()
    api.empty = False
    page.evaluate("document.querySelector('regulars-shelf').setAttribute('user', '7')")
    ready(page)
    expect(page.locator(SHELF)).to_be_visible()


@pytest.mark.parametrize("attributes", ['placement="reorder"', 'placement="product"', 'placement="nonsense"'])
def test_a_shelf_that_lacks_what_it_needs_asks_for_nothing(page: Page, api: FakeApi, attributes: str) -> None:
    """A guest has nothing to buy again, and a product shelf without an item no neighbours."""
    open_page(page, f"<regulars-shelf {attributes}></regulars-shelf>")
    ready(page, "hidden")
    assert api.requests == []


def test_a_wrong_api_address_does_not_throw_into_the_page(page: Page, problems: Problems) -> None:
    """Even nonsense in an attribute ends in the fallback."""
    open_page(page, '<regulars-shelf api="https://["><p slot="fallback">Our own picks</p></regulars-shelf>')
    ready(page, "fallback")
    assert problems == []


def test_a_failed_refresh_keeps_the_picks_of_the_same_shopper_only(page: Page, api: FakeApi) -> None:
    """Older picks are better than none, and another shopper's are worse."""
    open_page(page, '<regulars-shelf user="7"></regulars-shelf>')
    ready(page)
    api.broken = True
    with page.expect_response("**/v1/users/7/recommendations*"):
        page.evaluate("document.querySelector('regulars-shelf').refresh()")
    expect(page.locator(f"{SHELF}[data-state=ready]:not([aria-busy])")).to_be_visible()
    page.evaluate("document.querySelector('regulars-shelf').setAttribute('user', '8')")
    ready(page, "hidden")


def test_changed_attributes_make_one_request(page: Page, api: FakeApi) -> None:
    """A page may set several attributes in a row: the shelf asks once, with all of them."""
    open_page(page, '<regulars-shelf user="7"></regulars-shelf>')
    ready(page)
    page.evaluate(
        "const shelf = document.querySelector('regulars-shelf');"
        "for (const [name, value] of [['user', '8'], ['limit', '3'], ['heading', 'For eight']])"
        "  shelf.setAttribute(name, value)"
    )
    expect(page.locator(".regulars-card")).to_have_count(3)
    expect(page.get_by_role("heading", name="For eight")).to_be_visible()
    assert [each["path"] for each in api.requests] == ["/v1/users/7/recommendations", "/v1/users/8/recommendations"]


def test_cards_are_not_swapped_under_a_pressed_finger(page: Page, api: FakeApi) -> None:
    """Newer picks that arrive between press and release wait, so that the click is not lost."""
    open_page(page, '<regulars-shelf user="7" add></regulars-shelf>')
    ready(page)
    first = page.locator(".regulars-name").first.inner_text()
    page.evaluate("addEventListener('regulars:add', (event) => (window.added = event.detail.item.title))")
    page.locator(".regulars-add").first.hover()
    page.mouse.down()
    with page.expect_response("**/v1/users/7/recommendations*"):
        page.evaluate("document.querySelector('regulars-shelf').refresh()")
    page.wait_for_timeout(200)
    page.mouse.up()
    assert page.evaluate("window.added") == first
    expect(page.locator(f"{SHELF}[data-state=ready]:not([aria-busy])")).to_be_visible()


def test_the_page_can_take_over_clicks_and_carts(page: Page, api: FakeApi) -> None:
    """`regulars:click` and `regulars:add` carry item and slate, and preventing the click keeps the page."""
    api.overrides = {"url": "/shop"}
    page.add_init_script(
        "document.addEventListener('regulars:click', (event) => {"
        "  event.preventDefault(); window.item = event.detail.item.item_id });"
        "document.addEventListener('regulars:add', (event) => { window.slate = event.detail.slate.slate_id });"
    )
    open_page(page, '<regulars-shelf user="7" add></regulars-shelf>')
    ready(page)
    page.locator(".regulars-title").first.click()
    with page.expect_response("**/v1/events"):
        page.locator(".regulars-add").first.click()
    assert page.evaluate("[window.item, window.slate]") == [api.of_kind("click")[0]["item_id"], api.slate_id(1)]
    assert api.of_kind("add_to_cart")[0]["quantity"] == 1
    assert "/page" in page.url


def test_keyboard_and_screen_reader_find_their_way(page: Page, api: FakeApi) -> None:
    """A shelf is a named region with a heading and a list; each item is one stop, and Enter opens it."""
    open_page(page, '<regulars-shelf user="7" limit="4" heading="For you" heading-level="3" add></regulars-shelf>')
    ready(page)
    region = page.get_by_role("region", name="For you")
    expect(region.get_by_role("heading", level=3, name="For you")).to_be_visible()
    expect(region.get_by_role("list").get_by_role("listitem")).to_have_count(4)
    title = region.get_by_role("listitem").first.get_by_role("button").first
    expect(region.get_by_role("button", name=f"Add {title.inner_text()} to cart")).to_be_visible()
    assert page.locator("img").first.get_attribute("alt") == ""
    title.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert len(api.of_kind("click")) == 1


def test_focus_survives_a_refresh(page: Page) -> None:
    """Somebody who tabs through a shelf is not thrown back to the top of the page by newer picks."""
    open_page(page, '<regulars-shelf user="7" add></regulars-shelf>')
    ready(page)
    page.locator(".regulars-add").nth(2).focus()
    name = page.evaluate("document.activeElement.ariaLabel")
    with page.expect_event("console", lambda message: message.text == "loaded"):
        page.evaluate(
            "document.addEventListener('regulars:loaded', () => console.log('loaded'));"
            "document.querySelector('regulars-shelf').refresh()"
        )
    assert page.evaluate("document.activeElement.ariaLabel") == name


def test_reduced_motion_is_respected(page: Page, api: FakeApi) -> None:
    """No pulse and no smooth scrolling for those who asked for none."""
    api.delay_seconds = 1
    style = "(selector, name) => getComputedStyle(document.querySelector(selector))[name]"
    for preference, pulse in (("reduce", "none"), ("no-preference", "regulars-pulse")):
        page.emulate_media(reduced_motion=preference)  # type: ignore[arg-type]
        open_page(page, "<regulars-shelf></regulars-shelf>")
        ready(page, "loading")
        assert page.evaluate(f"({style})('.regulars-skeleton', 'animationName')") == pulse
        ready(page)


def test_arrows_scroll_a_shelf_that_overflows(page: Page) -> None:
    """A mouse without a sideways wheel reaches every item; a shelf that fits has no arrows."""
    open_page(page, '<regulars-shelf limit="20"></regulars-shelf>')
    ready(page)
    back, forth = page.get_by_role("button", name="Show previous"), page.get_by_role("button", name="Show more")
    expect(back).to_be_disabled()
    forth.click()
    expect(back).to_be_enabled()
    page.evaluate("document.querySelector('regulars-shelf').setAttribute('limit', '2')")
    expect(page.locator(".regulars-card")).to_have_count(2)
    expect(forth).to_be_hidden()


def test_the_shop_styles_the_shelf(page: Page) -> None:
    """Any rule of the page wins over the widget's layer, and the public variables reach the cards."""
    open_page(page, '<regulars-shelf limit="2"></regulars-shelf>')
    ready(page)
    page.evaluate(
        "const sheet = new CSSStyleSheet();"
        "sheet.replaceSync('regulars-shelf { --regulars-card-width: 200px } .regulars-name { font-weight: 300 }');"
        "document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets]"
    )
    assert page.locator(".regulars-card").first.evaluate("card => card.offsetWidth") == 200
    assert page.locator(".regulars-name").first.evaluate("name => getComputedStyle(name).fontWeight") == "300"


def test_an_element_inside_a_shadow_root_is_styled_too(page: Page) -> None:
    """A shop built of web components gets the same shelf."""
    open_page(page, '<div id="host"></div>')
    page.wait_for_function("() => !!customElements.get('regulars-shelf')")
    page.evaluate(
        "document.getElementById('host').attachShadow({mode: 'open'}).append(document.createElement('regulars-shelf'))"
    )
    page.wait_for_selector("regulars-shelf[data-state=ready]")
    assert page.locator(".regulars-items").evaluate("list => getComputedStyle(list).display") == "grid"


def test_the_page_in_the_documentation_works(page: Page, api: FakeApi, tmp_path: Path, problems: Problems) -> None:
    """The page of docs/widget.md, saved and opened from a disk, shows its shelves."""
    markup = next(block for block in HTML_BLOCK.findall(DOCUMENTATION.read_text("utf-8")) if "<!doctype" in block)
    assert markup.count("\n") <= 25
    file = tmp_path / "page.html"
    file.write_text(markup.replace("http://127.0.0.1:8000", api.origin), encoding="utf-8")
    page.goto(file.as_uri())
    expect(page.locator(f"{SHELF}[data-state=ready]")).to_have_count(3)
    page.locator(".regulars-title").first.click()
    page.wait_for_timeout(300)
    assert len(api.of_kind("click")) == 1
    assert problems == []


@pytest.mark.parametrize(
    "names",
    [
        re.findall(r'"([a-z-]+)"', re.findall(r"observedAttributes = \[(.*?)\]", SOURCE, re.DOTALL)[0]),
        re.findall(r'^  "?([a-z-]+)"?: \(', re.findall(r"QUESTIONS = \{\n(.*?)^\}", SOURCE, re.DOTALL | re.M)[0], re.M),
        re.findall(r"var\((--regulars-[a-z-]+)", SOURCE),
        [f"regulars:{name}" for name in re.findall(r'#(?:emit|withdraw)\("(\w+)"', SOURCE)],
    ],
    ids=["attributes", "placements", "variables", "events"],
)
def test_what_a_page_may_use_is_documented(names: list[str]) -> None:
    """Undocumented means red: every attribute, placement, variable and event is in docs/widget.md."""
    documentation = DOCUMENTATION.read_text("utf-8")
    assert names
    assert [name for name in names if f"`{name}`" not in documentation] == []
