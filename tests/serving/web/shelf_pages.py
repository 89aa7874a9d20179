"""Pages that hold shelves, opened in a browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from playwright.sync_api import Page

SHELF = "regulars-shelf"

ASKING = 'lang="en" data-regulars-consent="ask"'
"""The attributes of a page that waits for consent."""


def open_page(page: Page, shelf: str, attributes: str = 'lang="en"') -> None:
    """Open a shop's page that holds the markup of a shelf."""
    page.goto(f"/page?{urlencode({'body': shelf, 'attributes': attributes}, quote_via=quote)}")


def ready(page: Page, state: str = "ready") -> None:
    """Wait until the shelf has reached a state."""
    page.wait_for_selector(f"{SHELF}[data-state={state}]", state="attached")


def change(page: Page, **attributes: str) -> None:
    """Set attributes of the first shelf."""
    script = "(values) => { for (const [n, v] of Object.entries(values)) shelf().setAttribute(n.replace('_', '-'), v) }"
    page.evaluate(script.replace("shelf()", "document.querySelector('regulars-shelf')"), attributes)


def refresh(page: Page) -> None:
    """Let every shelf ask again, and wait until all have an answer."""
    page.evaluate("document.querySelectorAll('regulars-shelf').forEach((shelf) => shelf.refresh())")
    settled(page)


def settled(page: Page) -> None:
    """Wait until no shelf waits."""
    page.wait_for_function("() => new Promise((done) => setTimeout(done, 50))")
    page.wait_for_function("() => !document.querySelector('regulars-shelf[aria-busy]')")


def stored(page: Page) -> dict[str, Any]:
    """Return all that the browser keeps for the page."""
    kept: dict[str, Any] = page.evaluate("({ ...localStorage })")
    return kept
