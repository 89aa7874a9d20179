"""The demo shop, walked through as a visitor would, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.serving.web.conftest import Problems, watch
from tests.serving.web.fake_api import FakeApi

pytestmark = pytest.mark.browser

LOADED = "#shelves regulars-shelf[data-state=ready]"


def enter(page: Page, address: str = "/shop") -> None:
    """Open the shop and wait for its shelves."""
    page.goto(address)
    page.wait_for_selector("#who option[value^=household]", state="attached")
    page.wait_for_selector(f"{LOADED}[placement=home]:not([aria-busy])")
    page.wait_for_selector(f"{LOADED}[placement=trending]")


def test_a_visitor_shops_as_a_household(page: Page, api: FakeApi, problems: Problems) -> None:
    """The picker lists the households of the demo, greets by name, and fills the personal shelves."""
    enter(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome in.")
    expect(page.get_by_role("region", name="Buy again")).to_have_count(0)
    page.get_by_label("Shopping as").select_option(label="Household 718")
    expect(page.get_by_role("heading", level=1)).to_have_text("Good to see you again.")
    expect(page.get_by_role("region", name="Buy again")).to_be_visible()
    page.get_by_label("Shopping as").select_option(label="家/庭:2")
    expect(page.locator(f"{LOADED}[placement=home][user='家/庭:2']")).to_be_visible()
    assert {"718", "家/庭:2"} <= {each.get("user") for each in api.requests}
    assert problems == []


def test_a_shelf_claims_no_more_than_it_knows(page: Page, api: FakeApi) -> None:
    """What is popular is not called picked for a guest nobody knows anything about."""
    enter(page)
    expect(page.get_by_role("region", name="Popular right now")).to_be_visible()
    expect(page.get_by_role("region", name="Picked for you")).to_have_count(0)


def test_a_visitor_types_an_id(page: Page, api: FakeApi) -> None:
    """Anybody in the log can be shopped as, and the address may name them too."""
    enter(page)
    page.get_by_label("Shopping as").select_option(label="Another id…")
    page.get_by_label("Customer id").fill("a b/c")
    page.keyboard.press("Enter")
    expect(page.locator("#shopper-name")).to_have_text("a b/c")
    enter(page, "/shop?user=718")
    expect(page.locator("#shopper-name")).to_have_text("Household 718")


def test_what_is_bought_changes_what_is_shown(page: Page, api: FakeApi) -> None:
    """The loop can be seen: shown, bought, shown anew without it."""
    enter(page, "/shop?user=718")
    home = page.locator("[data-page][placement=home]")
    title = home.locator(".regulars-name").first.inner_text()
    home.locator(".regulars-title").first.click()
    product = page.get_by_role("dialog", name=title)
    expect(product.get_by_role("region", name="Often bought together")).to_be_visible()
    expect(product.get_by_role("region", name="You may also like")).to_be_visible()
    product.get_by_role("button", name="Buy now").click()
    expect(home.locator(".regulars-name").first).not_to_have_text(title)
    (purchase,) = api.of_kind("purchase")
    assert purchase["user_id"] == "718"
    assert purchase["order_id"]
    assert purchase["price"] > 0


def test_a_cart_is_filled_changed_and_bought(page: Page, api: FakeApi) -> None:
    """The cart keeps count and total, its shelf goes by what is in it, and buying makes one order of it."""
    enter(page, "/shop?user=718")
    for position in (0, 1):
        page.locator("[data-page][placement=home] .regulars-add").nth(position).click()
        expect(page.locator("#cart-count")).to_have_text(str(position + 1))
    page.get_by_role("button", name="Cart, 2 items").click()
    cart = page.get_by_role("dialog", name="Your cart")
    cart.get_by_role("button", name="One more").first.click()
    expect(page.locator("#cart-count")).to_have_text("3")
    cart.get_by_role("button", name="One less").last.click()
    expect(cart.locator(".lines li")).to_have_count(1)
    expect(cart.get_by_role("region", name="Goes well with your cart")).to_be_visible()
    assert any(each["body"].get("seeds", {}).get("cart") for each in api.requests if "body" in each)
    page.reload()
    page.get_by_role("button", name="Cart, 2 items").click()
    with page.expect_response("**/v1/events"):
        cart.get_by_role("button", name="Buy everything").click()
    expect(page.locator("#cart-count")).to_have_text("0")
    assert [each["quantity"] for each in api.of_kind("purchase")] == [2]
    assert len(api.of_kind("remove_from_cart")) == 1


def test_a_guest_is_remembered_by_what_they_look_at(page: Page, api: FakeApi) -> None:
    """Without an account, the items looked at in this session shape the home shelf."""
    enter(page)
    page.locator("[data-page][placement=bestsellers] .regulars-title").nth(1).click()
    page.keyboard.press("Escape")
    expect(page.locator("[data-page][placement=home][items]")).to_be_visible()
    page.wait_for_timeout(300)
    assert any(each["body"].get("seeds", {}).get("viewed") for each in api.requests if "body" in each)


def test_categories_narrow_the_shelves(page: Page, api: FakeApi) -> None:
    """A category button filters bestsellers and trending, and says so."""
    enter(page)
    page.get_by_role("button", name="Cheese", exact=True).click()
    expect(page.get_by_role("region", name="Bestsellers in Cheese").get_by_role("listitem").first).to_be_visible()
    assert {each["body"]["filters"]["categories"][0] for each in api.requests[-2:]} == {"Cheese"}
    expect(page.get_by_role("button", name="Cheese", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.get_by_role("region", name="Bestsellers", exact=True)).to_be_visible()


def test_the_panel_tells_where_each_slate_came_from(page: Page, api: FakeApi) -> None:
    """Source, model version, time and state of every shelf are a click away."""
    enter(page, "/shop?user=718")
    page.get_by_text("Behind the shelves").click()
    row = page.get_by_role("row").filter(has_text="Picked for you")
    expect(row).to_contain_text("personal")
    expect(row).to_contain_text("20171231-0a1b2c3d4e5f")
    expect(row).to_contain_text("ms")
    api.broken = True
    page.evaluate("document.querySelector('[placement=trending]').setAttribute('category', 'Tea')")
    expect(page.get_by_role("row").filter(has_text="trending")).to_contain_text("error: 500")


def test_the_shop_stays_open_without_its_api(page: Page, api: FakeApi, problems: Problems) -> None:
    """A shop whose recommendations are down still greets, and throws nothing."""
    api.broken = True
    page.goto("/shop?user=718")
    expect(page.get_by_text("Our picks are taking a break.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert problems == []


NAMELESS = """() => [...document.querySelectorAll('button, a[href], input, select, [role=region], dialog[open]')]
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.ariaLabel || each.textContent.trim() || each.labels?.length
    || each.getAttribute('aria-labelledby') || each.querySelector('img[alt]:not([alt=""])')))
  .map((each) => each.outerHTML)"""

WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"

DULL = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const paint = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => rgb.map((c) => c / 255).map((c) => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [.2126, .7152, .0722][n], 0);
  const grounds = (node) => node ? [...grounds(node.parentElement), getComputedStyle(node).backgroundColor] : [];
  const dull = [];
  for (const node of document.querySelectorAll('h1,h2,h3,p,button,label,td,th,summary,span,select,a')) {
    const text = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!text || !node.checkVisibility({ opacityProperty: true }) || node.disabled) continue;
    if (node.closest('.hero, .skip, .toast')) continue;
    const ground = grounds(node), style = getComputedStyle(node);
    const [low, high] = [luminance(paint(ground)), luminance(paint([...ground, style.color]))].sort((a, b) => a - b);
    const ratio = (high + .05) / (low + .05);
    if (ratio < 4.5) dull.push(`${ratio.toFixed(2)} ${node.className || node.tagName}: ${node.textContent.trim()}`);
  }
  return dull;
}"""
"""Texts below the contrast of 4.5 : 1 that WCAG asks for (AA), with the grounds below them painted one over another."""


OPENERS = {"product": "[placement=home] .regulars-title", "cart": "#open-cart"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "width", "height"), [("phone", 390, 844), ("desk", 1280, 900)])
def test_the_shop_is_fit_to_be_looked_at(
    browser: Browser,
    api: FakeApi,
    screenshots: Path,
    problems: Problems,
    device: str,
    width: int,
    height: int,
    scheme: str,
) -> None:
    """On every screen: no sideways scrolling, a name on every control, enough contrast, and a screenshot."""
    context = browser.new_context(
        base_url=api.origin,
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page = context.new_page()
    watch(page, problems)
    enter(page, "/shop?user=718")
    page.get_by_text("Behind the shelves").click()
    for part in ("home", "product", "cart"):
        page.keyboard.press("Escape")
        if part == "home":
            page.evaluate("scrollTo(0, 0)")
        else:
            page.locator(OPENERS[part]).first.click()
        page.wait_for_timeout(400)
        page.screenshot(path=screenshots / f"shop-{part}-{device}-{scheme}.png", full_page=part == "home")
        assert page.evaluate(WIDE) is False
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate(DULL) == []
    context.close()
    assert problems == []
