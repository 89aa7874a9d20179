"""The widget and the shop against the real application: a planted model, and a store in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from recommender.artifact import save_artifact
from serving.app import create_app
from serving.settings import AppSettings, ServingSettings
from serving.stores.memory import MemoryStores
from tests.models import PROVENANCE, shop_model
from tests.serving.web.conftest import Problems, watch
from tests.serving.web.fake_api import serve

pytestmark = pytest.mark.browser

USER = shop_model().users.ids[7]
HOME = "[data-page][placement=home]"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the planted model."""
    settings = AppSettings(
        data_dir=tmp_path_factory.mktemp("data"), shop_name="The planted shop", serving=ServingSettings(clock="data")
    )
    version = save_artifact(shop_model(), PROVENANCE, settings.artifacts_dir).version
    (settings.artifacts_dir / "CURRENT").write_text(version, encoding="utf-8")
    with serve(create_app(settings, store=MemoryStores())) as origin:
        yield origin


@pytest.fixture
def shop(browser: Browser, origin: str, problems: Problems) -> Iterator[Page]:
    """Enter the shop as a regular."""
    context = browser.new_context(base_url=origin, locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    watch(page, problems)
    page.goto(f"/shop?user={USER}")
    page.wait_for_selector(f"{HOME}[data-state=ready]")
    yield page
    context.close()


def test_every_shelf_of_the_shop_is_filled(shop: Page, problems: Problems) -> None:
    """Home, buy again, bestsellers, trending and both product shelves show items with pictures and reasons."""
    for name in ("Buy again", "Picked for you", "Bestsellers", "Trending now"):
        cards = shop.get_by_role("region", name=name).get_by_role("listitem")
        expect(cards.first.locator("img")).to_have_js_property("complete", value=True)
        expect(cards.first.locator(".regulars-reason")).not_to_be_empty()
    shop.locator(f"{HOME} .regulars-title").first.click()
    dialog = shop.get_by_role("dialog")
    for name in ("Often bought together", "You may also like"):
        expect(dialog.get_by_role("region", name=name).get_by_role("listitem").first).to_be_visible()
    assert shop.title() == "The planted shop"
    assert problems == []


def test_events_are_accepted_and_what_was_bought_is_noticed(shop: Page, problems: Problems) -> None:
    """The API takes every event the page sends, and a purchase changes what is due to be bought again."""
    again = shop.get_by_role("region", name="Buy again")
    title = again.locator(".regulars-name").first.inner_text()
    again.locator(".regulars-title").first.click()
    with shop.expect_response("**/v1/events") as answered:
        shop.get_by_role("button", name="Buy now").click()
    assert answered.value.json()["rejected"] == []
    expect(again.locator(".regulars-name").first).not_to_have_text(title)
    assert problems == []


def test_impressions_and_clicks_are_accepted(shop: Page) -> None:
    """What the widget reports is what the API understands."""
    with shop.expect_response("**/v1/events") as impressions:
        shop.locator(HOME).scroll_into_view_if_needed()
    assert impressions.value.json()["rejected"] == []
    with shop.expect_response(lambda answer: '"click"' in (answer.request.post_data or "")) as click:
        shop.locator(f"{HOME} .regulars-title").first.click()
    assert click.value.json()["rejected"] == []
    assert click.value.json()["accepted"] >= 1


def test_a_cart_shelf_shows_what_goes_with_the_cart(shop: Page) -> None:
    """What lies in the cart is not offered to be put there."""
    added = shop.locator(f"{HOME} .regulars-name").first.inner_text()
    shop.locator(f"{HOME} .regulars-add").first.click()
    shop.get_by_role("button", name="Cart, 1 item").click()
    offered = shop.get_by_role("dialog", name="Your cart").get_by_role("region")
    expect(offered.get_by_role("listitem").first).to_be_visible()
    assert added not in offered.locator(".regulars-name").all_inner_texts()
