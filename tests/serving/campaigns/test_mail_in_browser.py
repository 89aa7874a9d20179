"""Mails in a real browser: at the width of a phone and of a desk, in light and in dark, without pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from recommender.catalogue import Item
from serving.campaigns.landing import Landing
from serving.campaigns.letters import Letter, LetterItem
from serving.campaigns.mail import Postman, preview_page
from serving.campaigns.mail_settings import MailSettings
from serving.campaigns.straight import Straight
from tests.serving.web.conftest import browser, chromium, screenshots

__all__ = ["browser", "chromium", "screenshots"]

pytestmark = pytest.mark.browser

SETTINGS = MailSettings(shop_url="https://shop.example")
OFFERS = (
    ("Whole Milk 1 gal", "Fluid milk products", "$2.99", "Time to restock"),
    ("Ground Coffee Medium Roast 33 oz", "Coffee", "$11.49", "You may need it around Jan\u00a012"),
    (
        "Tortilla Chips with a Hint of Lime and Sea Salt, Family Size 18 oz",
        "Bag snacks",
        "$4.25",
        "Popular in Bag snacks",
    ),
    ("W" * 90, "Cheese", "$1,234,567.00", "Because you bought " + "Rind" * 30),
    ("空心菜 500 g", "空", "", "与White Bread 20 oz相似"),
)


def letter(language: str = "en") -> Letter:
    items = [
        Item(item_id=title, title=title, category=category, url=f"/{n}")
        for n, (title, category, *_) in enumerate(OFFERS)
    ]
    places = Straight(items, Landing(SETTINGS), with_pictures=True)
    return Letter(
        language=language,
        heading="Picked for you" if language == "en" else "为你推荐",
        items=tuple(
            LetterItem(
                item_id=title,
                title=title,
                category=category,
                price=price,
                reason=reason,
                url=places.click(slot),
                image_url=places.image(slot),
            )
            for slot, (title, category, price, reason) in enumerate(OFFERS)
        ),
        shop_name="The planted shop",
        shop_url="https://shop.example/",
        to_shop="Visit The planted shop" if language == "en" else "前往The planted shop",
        why="You get this mail because you are a customer of The planted shop.",
        user_id="17",
        campaign="win-back",
        segment="at risk",
        coupon_tier="",
    )


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, dark = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", device_scale_factor=2
    )
    yield context.new_page()
    context.close()


SCREENS = [(width, dark) for width in (320, 390, 720) for dark in (False, True)]


@pytest.mark.parametrize("page", SCREENS, indirect=True, ids=str)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_mail_is_for_everybody(page: Page, language: str, screenshots: Path, request: pytest.FixtureRequest) -> None:
    """Axe-core finds nothing, nothing is wider than the screen, whatever a title holds; a picture of it is kept."""
    page.set_content(Postman.of(SETTINGS).draw(letter(language)).html)
    found = Axe().run(page).response["violations"]
    assert [f"{each['id']}: {[node['target'] for node in each['nodes']][:3]}" for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    width, dark = request.node.callspec.params["page"]
    page.screenshot(path=screenshots / f"mail-{language}-{width}-{'dark' if dark else 'light'}.png", full_page=True)


@pytest.mark.parametrize("page", [(390, False)], indirect=True, ids=["phone"])
def test_a_mail_reads_without_its_pictures(page: Page) -> None:
    """Where pictures are blocked, each title stands in place of its picture, and nothing moves."""
    page.route("**/*", lambda route: route.abort())
    page.set_content(Postman.of(SETTINGS).draw(letter()).html.replace("data:image/png", "https://blocked.example/"))
    sizes = page.locator("img").evaluate_all("all => all.map((one) => one.getBoundingClientRect().width)")
    assert sizes == [96] * len(OFFERS)
    assert page.locator("img").first.get_attribute("alt") == OFFERS[0][0]


@pytest.mark.parametrize("page", [(390, True)], indirect=True, ids=["dark"])
def test_a_mail_is_dark_where_that_is_wanted(page: Page) -> None:
    """The rules that were left in the sheet win over the styles in the elements."""
    page.set_content(Postman.of(SETTINGS).draw(letter()).html)
    colour = "one => getComputedStyle(one).backgroundColor"
    assert page.locator(".sheet").evaluate(colour) == "rgb(28, 35, 36)"
    assert page.locator("body").evaluate(colour) == "rgb(20, 25, 26)"


@pytest.mark.parametrize("page", [(390, False), (1200, True)], indirect=True, ids=str)
def test_a_preview_is_for_everybody(page: Page, screenshots: Path, request: pytest.FixtureRequest) -> None:
    """The page that shows a mail at both widths has no fault that axe-core knows, and fits any screen."""
    page.set_content(preview_page(Postman.of(SETTINGS).draw(letter()), campaign="win-back"))
    assert page.frame_locator("iframe").first.locator("h1").inner_text() == "Picked for you"
    found = Axe().run(page).response["violations"]
    assert [f"{each['id']}: {[node['target'] for node in each['nodes']][:3]}" for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.locator("pre").evaluate("one => one.scrollWidth <= one.clientWidth"), "plain text is cut off"
    page.screenshot(path=screenshots / f"preview-{request.node.callspec.params['page'][0]}.png", full_page=True)
