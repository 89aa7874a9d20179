"""The demo shop in a real browser over the real application: a planted model, a store in memory, the real widget."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from recommender.artifact import save_artifact
from serving.app import create_app
from serving.settings import AppSettings, ServingSettings
from serving.stores.memory import MemoryStores
from tests.models import PROVENANCE, shop_model
from tests.planted import item_id
from tests.serving.web.conftest import Problems, watch
from tests.serving.web.fake_api import serve

pytestmark = pytest.mark.browser

EFFECT_MILLISECONDS = 1_000
"""What was done is to be seen on the shelf within a second."""
HOME = "regulars-shelf[placement=home]"
PAGES = {
    "home": "/shop",
    "departments": "/shop/departments",
    "department": "/shop/department?name=upstairs&category=aisle+1",
    "search": "/shop/search?q=thing",
    "nothing-found": "/shop/search?q=thingg",
    "item": f"/shop/item?id={item_id(7)}",
    "missing": "/shop/item?id=nobody+knows",
    "cart": "/shop/cart",
    "checkout": "/shop/checkout",
    "orders": "/shop/orders",
    "sign-in": "/shop/sign-in",
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> AppSettings:
    """Settings of a demo whose events are soon in files."""
    serving = ServingSettings(clock="data", demo_shop="local", drain_seconds=0.1)
    return AppSettings(data_dir=tmp_path_factory.mktemp("data"), shop_name="The planted shop", serving=serving)


@pytest.fixture(scope="module")
def events_dir(settings: AppSettings) -> Path:
    """Return where the event files are."""
    return settings.events_dir


@pytest.fixture(scope="module")
def origin(settings: AppSettings) -> Iterator[str]:
    """Serve the planted model with a demo shop, which knows two households."""
    version = save_artifact(shop_model(), PROVENANCE, settings.artifacts_dir).version
    (settings.artifacts_dir / "CURRENT").write_text(version, encoding="utf-8")
    ids = shop_model().users.ids
    households = [
        {"user_id": ids[7], "label": "Household Seven, loyal", "note": "Bought lately: milk, bread and bananas."},
        {"user_id": ids[8], "label": "Household Eight, at risk", "note": "Bought lately: tea."},
    ]
    settings.households_file.write_text(json.dumps(households), encoding="utf-8")
    with serve(create_app(settings, store=MemoryStores())) as origin:
        yield origin


@pytest.fixture
def page(browser: Browser, origin: str, problems: Problems) -> Iterator[Page]:
    """An empty tab of a guest; what goes wrong in it ends in `problems`."""
    context = browser.new_context(base_url=origin, locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    watch(page, problems)
    yield page
    context.close()


@pytest.fixture
def regular(page: Page, request: pytest.FixtureRequest) -> Page:
    """The tab of somebody who is signed in; each test is somebody else, since what they do is remembered."""
    number = 20 + sum(map(ord, request.node.name)) % 150
    sign_in(page, shop_model().users.ids[number])
    return page


def sign_in(page: Page, user: str) -> None:
    """Sign in by id, and wait for the home shelf."""
    page.goto("/shop/sign-in")
    page.get_by_label("Anybody else in the log").fill(user)
    page.get_by_role("button", name="Sign in", exact=True).click()
    ready(page, "home")


def ready(page: Page, placement: str) -> Locator:
    """Wait for a shelf to be filled; return it."""
    page.wait_for_selector(f"regulars-shelf[placement={placement}][data-state=ready]:not([aria-busy])")
    return page.locator(f"regulars-shelf[placement={placement}]")


def names(shelf: Locator) -> list[str]:
    """Return what stands on a shelf."""
    return shelf.locator(".regulars-name").all_inner_texts()


def test_a_guest_goes_shopping(page: Page, problems: Problems) -> None:
    """From the search to a product, into the cart, to the checkout, to an order."""
    page.goto("/shop")
    page.get_by_role("searchbox").fill("thing 17")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Thing 17", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thing 17")
    page.get_by_label("Quantity").select_option("2")
    page.locator("form.buy").get_by_role("button").click()
    expect(page.locator("[data-cart-count]")).to_have_text("2")
    expect(page.get_by_role("status").filter(has_text="In your cart: Thing 17.")).to_be_visible()
    page.get_by_role("link", name="Cart").click()
    assert "Thing 17" not in names(ready(page, "cart"))
    page.get_by_role("button", name="One more: Thing 17").click()
    expect(page.locator("[data-cart-count]")).to_have_text("3")
    page.get_by_role("link", name="Check out").click()
    page.get_by_role("button", name="Buy now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    expect(page.get_by_role("region", name="What just changed")).to_contain_text("Thank you for your order of 3 items.")
    expect(page.locator("[data-cart-count]")).to_have_text("0")
    assert problems == []


def test_everything_but_the_shelves_works_without_scripts(browser: Browser, origin: str) -> None:
    """The same way with scripts forbidden; instead of a shelf there is what sells best."""
    context = browser.new_context(base_url=origin, java_script_enabled=False)
    page = context.new_page()
    page.goto("/shop")
    expect(page.get_by_role("heading", name="Popular right now")).to_be_visible()
    page.get_by_role("searchbox").fill("thing 17")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add Thing 17 to cart", exact=True).click()
    expect(page.get_by_role("region", name="What just changed")).to_contain_text("In your cart: Thing 17.")
    expect(page).to_have_url(f"{origin}/shop/search?q=thing+17")
    page.get_by_role("link", name="Cart").click()
    page.get_by_role("button", name="One less: Thing 17").click()
    expect(page.get_by_text("Nothing in it yet.")).to_be_visible()
    context.close()


def test_what_is_bought_leaves_the_shelf_within_a_second(page: Page, problems: Problems) -> None:
    """A household signs in, buys the first item of its home shelf, and does not find it there again."""
    page.goto("/shop/sign-in")
    page.get_by_role("button", name="Shop as Household Seven").click()
    expect(page.get_by_role("region", name="What just changed")).to_contain_text("You shop as Household Seven")
    first = names(ready(page, "home"))[0]
    page.locator(f"{HOME} .regulars-title").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(first)
    page.locator("form.buy").get_by_role("button").click()
    expect(page.locator("[data-cart-count]")).to_have_text("1")
    page.goto("/shop/checkout")
    page.get_by_role("button", name="Buy now").click()
    page.wait_for_url("**/shop/order?**")
    page.wait_for_selector(f"{HOME}[data-state=ready]", timeout=EFFECT_MILLISECONDS)
    assert first not in names(page.locator(HOME))
    assert problems == []


def test_what_lies_in_the_cart_is_offered_nowhere(regular: Page) -> None:
    """Put there from a shelf, it leaves that shelf within a second, without the page being loaded anew."""
    home = ready(regular, "home")
    first = names(home)[0]
    home.get_by_role("button", name=f"Add {first} to cart").click()
    expect(regular.locator("[data-cart-count]")).to_have_text("1")
    expect(home.locator(".regulars-name").filter(has_text=first)).to_have_count(0, timeout=EFFECT_MILLISECONDS)
    regular.goto("/shop/cart")
    assert first not in names(ready(regular, "cart"))
    expect(regular.locator(".lines").get_by_role("link", name=first)).to_be_visible()


def test_two_items_at_once_are_both_in_the_cart(regular: Page) -> None:
    """The cart is a cookie: answers that cross would lose an item."""
    regular.goto("/shop/search?q=thing")
    regular.evaluate("document.querySelectorAll('.card .add').forEach((each, n) => n < 5 && each.click())")
    expect(regular.locator("[data-cart-count]")).to_have_text("5")
    regular.goto("/shop/cart")
    expect(regular.locator(".lines li")).to_have_count(5)


def test_what_is_not_for_somebody_leaves_the_shelf(regular: Page) -> None:
    """Said on the product's page, seen on the front page it leads to."""
    first = names(ready(regular, "home"))[0]
    regular.locator(f"{HOME} .regulars-title").first.click()
    regular.locator("form.not-for-me").get_by_role("button", name="Not for me").click()
    expect(regular.get_by_role("region", name="What just changed")).to_contain_text(f"Not for you: {first}.")
    assert first not in names(ready(regular, "home"))


def test_an_order_is_returned_and_complained_about(regular: Page, problems: Problems) -> None:
    """Both from the order's page, and both are told in words and kept in the list behind the shelves."""
    buy(regular, item_id(17))
    regular.get_by_role("button", name="Return Thing 17").click()
    expect(regular.get_by_text("Returned", exact=True)).to_be_visible()
    regular.get_by_role("button", name="Open a complaint").click()
    expect(regular.get_by_role("heading", name="Your complaint is open")).to_be_visible()
    regular.get_by_role("button", name="Close the complaint").click()
    regular.get_by_text("Behind the shelves").click()
    told = regular.locator(".deeds li").all_inner_texts()
    assert [text.partition(".")[0] for text in told[:3]] == [
        "Your complaint is closed",
        "Your complaint is open",
        "On its way back: Thing 17",
    ]
    assert problems == []


def buy(page: Page, item: str) -> None:
    """Buy one item."""
    page.goto(f"/shop/item?id={item}")
    page.locator("form.buy").get_by_role("button").click()
    expect(page.locator("[data-cart-count]")).to_have_text("1")
    page.goto("/shop/checkout")
    page.get_by_role("button", name="Buy now").click()
    page.wait_for_url("**/shop/order?**")


def test_a_guest_is_remembered_by_what_they_look_at(page: Page) -> None:
    """Without an account, the products looked at in this visit shape the home shelf."""
    page.goto("/shop")
    before = names(ready(page, "home"))
    for number in (1, 5, 9):
        page.goto(f"/shop/item?id={item_id(number)}")
    page.goto("/shop")
    assert names(ready(page, "home")) != before


def test_every_shelf_is_filled(regular: Page, problems: Problems) -> None:
    """Front page, product page and order page show items with pictures and reasons."""
    shelves = {
        "/shop": ["reorder", "home", "trending", "bestsellers"],
        f"/shop/item?id={item_id(7)}": ["bought-together", "product"],
    }
    for address, placements in shelves.items():
        regular.goto(address)
        for placement in placements:
            cards = ready(regular, placement).get_by_role("listitem")
            cards.first.scroll_into_view_if_needed()
            expect(cards.first.locator("img")).to_have_js_property("complete", value=True)
            expect(cards.first.locator(".regulars-reason")).not_to_be_empty()
    assert problems == []


def test_impressions_and_clicks_are_kept(regular: Page, events_dir: Path) -> None:
    """What the widget reports from the pages is what the API understands, and it survives leaving the page."""
    ready(regular, "home").scroll_into_view_if_needed()
    regular.wait_for_timeout(1_500)
    regular.locator(f"{HOME} .regulars-title").first.click()
    regular.wait_for_url("**/shop/item?**")
    user = regular.locator("regulars-shelf").first.get_attribute("user")
    deadline = time.monotonic() + 10
    while not {"impression", "click"} <= (kinds := kinds_of(user, events_dir)):
        assert time.monotonic() < deadline, kinds
        time.sleep(0.1)


def kinds_of(user: str | None, events_dir: Path) -> set[str]:
    """Return what the event files say a user did."""
    lines = [line for path in events_dir.glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    return {event["event"] for event in map(json.loads, lines) if event.get("user_id") == user}


def test_the_panel_tells_where_each_slate_came_from(regular: Page) -> None:
    """Source, model version, time and state of every shelf are a click away."""
    ready(regular, "home")
    regular.get_by_text("Behind the shelves").click()
    row = regular.get_by_role("row").filter(has_text="Picked for you")
    expect(row).to_contain_text("personal")
    expect(row).to_contain_text("ok")


def test_the_shop_is_used_with_the_keyboard(page: Page) -> None:
    """The first key leads past the bars; the search and a product are reached without a mouse."""
    page.goto("/shop/search?q=thing")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    link = page.locator(".card .title").first
    for _ in range(40):
        page.keyboard.press("Tab")
        if link.evaluate("node => node === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/shop/item?**")


def test_another_browser_is_another_visitor(page: Page, origin: str) -> None:
    """Everything a visit knows is in its cookie."""
    page.goto(f"/shop/item?id={item_id(3)}")
    page.locator("form.buy").get_by_role("button").click()
    expect(page.locator("[data-cart-count]")).to_have_text("1")
    assert "Nothing in it yet." in httpx.get(f"{origin}/shop/cart").text


def test_a_message_leaves_the_buttons_of_a_phone_free(page: Page) -> None:
    """What is said after a press covers neither the button that was pressed nor the one below it."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/shop/item?id={item_id(3)}")
    add, refuse = page.locator("form.buy button"), page.locator("form.not-for-me button")
    add.click()
    expect(page.locator("#toast")).to_contain_text("In your cart")
    said = page.locator("#toast").bounding_box()
    for button in (add, refuse):
        place = button.bounding_box()
        assert said is not None
        assert place is not None
        assert 0 < place["y"] + place["height"] < 844, "it is in sight"
        assert said["y"] + said["height"] <= place["y"] or place["y"] + place["height"] <= said["y"]


WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
SETTLED = "body:not(:has(regulars-shelf:is([data-state=loading], [aria-busy])))"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "width", "height"), [("phone", 390, 844), ("desk", 1280, 900)])
def test_every_page_is_fit_for_everybody(
    browser: Browser,
    origin: str,
    screenshots: Path,
    problems: Problems,
    device: str,
    width: int,
    height: int,
    scheme: str,
) -> None:
    """On every screen and page: no sideways scrolling, no finding of axe, and a screenshot."""
    context = browser.new_context(
        base_url=origin,
        locale="en-US",
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page = context.new_page()
    watch(page, problems)
    look(page, screenshots / f"shop-guest-{device}-{scheme}.png", "/shop")
    sign_in(page, shop_model().users.ids[7])
    buy(page, item_id(17))
    look(page, screenshots / f"shop-order-{device}-{scheme}.png", page.url)
    page.goto(f"/shop/item?id={item_id(11)}")
    page.locator("form.buy").get_by_role("button").click()
    expect(page.locator("[data-cart-count]")).to_have_text("1")
    for name, address in PAGES.items():
        look(page, screenshots / f"shop-{name}-{device}-{scheme}.png", address)
    context.close()
    assert problems == []


def look(page: Page, screenshot: Path, address: str) -> None:
    """Open a page with the panel behind its shelves, and judge it."""
    page.goto(address)
    page.wait_for_selector(SETTLED)
    page.screenshot(path=screenshot, full_page=True)
    page.get_by_text("Behind the shelves").click()
    assert page.evaluate(WIDE) is False, address
    findings = Axe().run(page)
    assert findings.violations_count == 0, f"{address}: {findings.generate_report()}"
