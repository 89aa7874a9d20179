"""Fragments beside the widget in a real Chromium: the same words, prices, structure and looks, with no script."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from typing import Any

import httpx
import orjson
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from recommender.artifact import save_artifact
from serving import web
from serving.app import create_app
from serving.campaigns.wording import DIGITS
from serving.fragments.amounts import _IN_CHINESE, _SIGNS, _WHOLE, day_text, price_text
from serving.fragments.texts import FILE, as_json, literal
from serving.settings import AppSettings, ServingSettings
from serving.stores.memory import MemoryStores
from tests.models import PROVENANCE, shop_model
from tests.serving.web.conftest import PATIENCE
from tests.serving.web.fake_api import serve

pytestmark = pytest.mark.browser

USER = shop_model().users.ids[7]
CONTROLS = "button:not(.regulars-title), .regulars-status"
"""What a shelf has for those who can press it."""
OUTLINE = """(section, controls) => {
  section = section.cloneNode(true);
  section.querySelectorAll(controls).forEach((node) => node.remove());
  const own = (node) => [...node.classList].filter((name) => /^regulars-(?!button)/.test(name));
  return [section, ...section.querySelectorAll("*")].map((node) => [
    ...own(node), node.children.length ? "" : node.textContent, node.dataset.item ?? "",
    node.getAttribute("aria-label") ?? "", node.getAttribute("role") ?? "", node.getAttribute("src") ?? "",
  ]);
}"""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the planted model."""
    settings = AppSettings(data_dir=tmp_path_factory.mktemp("data"), serving=ServingSettings(clock="data"))
    version = save_artifact(shop_model(), PROVENANCE, settings.artifacts_dir).version
    (settings.artifacts_dir / "CURRENT").write_text(version, encoding="utf-8")
    with serve(create_app(settings, store=MemoryStores())) as origin:
        yield origin


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open an empty tab."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(PATIENCE)
    yield page
    context.close()


def write(page: Page, origin: str, content: str, *, lang: str = "en") -> None:
    """Make the page one of the shop's, beside the API."""
    whole = f'<!doctype html><html lang="{lang}"><title>A shop</title><main><h1>A shop</h1>{content}</main>'
    page.route(f"{origin}/page", lambda route: route.fulfill(body=whole, content_type="text/html; charset=utf-8"))
    page.goto(f"{origin}/page")


def fragment(origin: str, placement: str, **asked: Any) -> str:
    """Ask for a fragment as a shop's server does."""
    answer = httpx.get(f"{origin}/v1/fragments/{placement}", params=asked)
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("placement", ["reorder", "home", "bestsellers"])
def test_a_fragment_is_what_the_widget_draws(page: Page, origin: str, placement: str, lang: str) -> None:
    """Element by element: classes, texts, names and pictures, less what has to be pressed."""
    drawn = fragment(origin, placement, user=USER, lang=lang).replace('src="//', 'src="http://')
    script = f'<script type="module" src="{origin}/widget.js"></script>'
    shelf = f'<regulars-shelf placement="{placement}" user="{USER}"></regulars-shelf>'
    write(page, origin, f'{script}{shelf}<div id="fragment">{drawn}</div>', lang=lang)
    page.wait_for_selector("regulars-shelf[data-state=ready]")
    ours = page.locator("#fragment > section").evaluate(OUTLINE, CONTROLS)
    theirs = page.locator("regulars-shelf > section").evaluate(OUTLINE, CONTROLS)
    assert len(ours) > 8 * 5
    assert ours == theirs


def test_a_fragment_looks_like_a_shelf_without_any_script(page: Page, origin: str) -> None:
    """With the stylesheet: cards of one width side by side, and nothing that axe objects to."""
    link = f'<link rel="stylesheet" href="{origin}/widget.css">'
    write(page, origin, link + fragment(origin, "reorder", user=USER) + fragment(origin, "trending"))
    boxes = [card.bounding_box() for card in page.locator("section").first.locator(".regulars-card").all()]
    assert len({box["y"] for box in boxes if box}) == 1
    assert len({box["width"] for box in boxes if box}) == 1
    assert len({box["x"] for box in boxes if box}) == len(boxes) > 3
    assert page.locator(".regulars-card").first.bounding_box()["width"] == 11 * 16  # type: ignore[index]  # it is there
    assert page.locator(".regulars-picture img").first.evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    findings = Axe().run(page).response["violations"]
    assert [finding["id"] for finding in findings] == []


def test_texts_are_the_widgets(page: Page) -> None:
    """The module of texts means to Python what it means to a browser."""
    written = literal(files(web.__name__).joinpath(FILE).read_text(encoding="utf-8"))
    page.goto("about:blank")
    assert orjson.loads(as_json(written)) == page.evaluate(f"({written})")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_prices_are_written_as_intl_writes_them(page: Page, language: str) -> None:
    """In every currency that is treated in some way, and in some that are not; days of all months too."""
    page.goto("about:blank")
    prices = [0, 0.5, 1.005, 3, 99.99, 1234.5, 1234567.891]
    currencies = sorted({*_SIGNS, *_IN_CHINESE, *_WHOLE, *DIGITS, "CHF", "SEK", "PLN", "AED", "CZK"} - {"XOF", "XPF"})
    theirs = page.evaluate(
        """([language, currencies, prices]) => currencies.map((currency) => prices.map((price) =>
        new Intl.NumberFormat(language, { style: "currency", currency }).format(price)))""",
        [language, currencies, prices],
    )
    ours = [[price_text(price, currency, language) for price in prices] for currency in currencies]
    assert dict(zip(currencies, ours, strict=True)) == dict(zip(currencies, theirs, strict=True))
    days = page.evaluate(
        """(language) => [...Array(12).keys()].map((month) => new Intl.DateTimeFormat(
        language, { day: "numeric", month: "short", timeZone: "UTC" }).format(Date.UTC(2018, month, 9)))""",
        language,
    )
    ours_days = [day_text(date(2018, month, 9), language) for month in range(1, 13)]
    assert ours_days == [day.replace(" ", "\u00a0") for day in days]
