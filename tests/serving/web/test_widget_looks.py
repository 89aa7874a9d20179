"""The widget as people meet it: axe-core finds nothing to object to, and screenshots are there to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.serving.web.conftest import Problems, watch
from tests.serving.web.fake_api import FakeApi
from tests.serving.web.shelf_pages import open_page, ready, settled

pytestmark = pytest.mark.browser

SHELVES = (
    '<regulars-shelf placement="reorder" user="7" limit="10" add></regulars-shelf>'
    '<regulars-shelf user="7" limit="12"></regulars-shelf>'
    '<regulars-shelf placement="product" item="1004" user="7" limit="4"></regulars-shelf>'
)
LOOKS = """
const sheet = new CSSStyleSheet();
sheet.replaceSync(`body { font: 1rem/1.5 system-ui; max-width: 64rem; margin: 1rem auto; padding: 0 1rem;
    background: Canvas; color: CanvasText }
  :root { color-scheme: light dark; --regulars-accent: light-dark(#1f6b4a, #8fd0b2) }
  regulars-shelf { margin-bottom: 2rem }`);
document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets];
"""
WORST = {"phone": (390, 844), "desktop": (1280, 900)}


@pytest.fixture(params=["phone-light", "phone-dark", "desktop-light", "desktop-dark"])
def view(
    request: pytest.FixtureRequest, browser: Browser, api: FakeApi, problems: Problems
) -> Iterator[tuple[str, Page]]:
    """Open a tab as wide as a phone or a desktop, by day or by night."""
    device, _, scheme = request.param.partition("-")
    width, height = WORST[device]
    context = browser.new_context(
        base_url=api.origin,
        locale="en-US",
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        has_touch=device == "phone",
        is_mobile=device == "phone",
    )
    page = context.new_page()
    watch(page, problems)
    yield request.param, page
    context.close()


def findings(page: Page) -> list[str]:
    """Return what axe-core objects to; the page's policy bars it from nothing, for it runs in the tool's own world."""
    return [
        f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in Axe().run(page).response["violations"]
    ]


@pytest.mark.parametrize("language", ["en", "zh", "ar"])
def test_shelves_are_fit_to_be_looked_at(
    view: tuple[str, Page], api: FakeApi, screenshots: Path, problems: Problems, language: str
) -> None:
    """Nothing is wider than the screen, and axe finds nothing, in any language, with the dialog open too."""
    name, page = view
    direction = "rtl" if language == "ar" else "ltr"
    open_page(page, SHELVES, f'lang="{language}" dir="{direction}"')
    page.evaluate(LOOKS)
    settled(page)
    page.locator(".regulars-dismiss").nth(1).click()
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert findings(page) == []
    page.screenshot(path=screenshots / f"widget-{language}-{name}.png")
    page.locator(".regulars-why").nth(1).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert findings(page) == []
    page.screenshot(path=screenshots / f"widget-{language}-{name}-why.png")
    assert problems == []


@pytest.mark.parametrize("mood", ["waiting", "failing"])
def test_waiting_and_failing_shelves_are_accessible(page: Page, api: FakeApi, mood: str) -> None:
    """Grey cards and fallbacks are as sound as full shelves."""
    api.delay_seconds, api.broken = 2.0 if mood == "waiting" else 0.0, mood == "failing"
    open_page(page, '<regulars-shelf user="7" add><p slot="fallback">Our own picks</p></regulars-shelf>')
    ready(page, "loading" if mood == "waiting" else "fallback")
    assert findings(page) == []


def test_nothing_moves_while_shelves_come_and_go(page: Page, api: FakeApi) -> None:
    """The browser's own measure of layout shift stays at zero from the first grey card on, removals included."""
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => {"
        "  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value"
        "}).observe({ type: 'layout-shift', buffered: true })"
    )
    api.delay_seconds = 0.5
    open_page(page, SHELVES)
    page.wait_for_selector("regulars-shelf[data-state=loading]")
    page.evaluate("requestAnimationFrame(() => (window.shift = 0))")
    settled(page)
    page.locator(".regulars-dismiss").first.click()
    settled(page)
    page.evaluate("document.querySelectorAll('regulars-shelf').forEach((shelf) => shelf.refresh())")
    settled(page)
    page.wait_for_timeout(300)
    assert page.evaluate("window.shift") == pytest.approx(0, abs=1e-4)
