"""What waits to be reported: who may send it, and when, over several tabs and pages."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page

from tests.serving.web.conftest import Problems, watch
from tests.serving.web.fake_api import FakeApi
from tests.serving.web.shelf_pages import open_page, ready, stored

pytestmark = pytest.mark.browser

LONGER_THAN_LEFTOVERS_WAIT = 3000
"""Milliseconds: a page sends what earlier ones left behind two seconds after it opened."""


def test_not_for_me_can_be_undone_though_another_tab_opens(page: Page, api: FakeApi, problems: Problems) -> None:
    """What may still be undone is its own tab's to send, however often others open and close."""
    open_page(page, '<regulars-shelf user="7" limit="3"></regulars-shelf>')
    ready(page)
    page.locator(".regulars-dismiss").first.click()
    other = page.context.new_page()
    watch(other, problems)
    open_page(other, '<regulars-shelf placement="trending" limit="1"></regulars-shelf>')
    ready(other)
    other.wait_for_timeout(LONGER_THAN_LEFTOVERS_WAIT)
    other.evaluate("dispatchEvent(new Event('pagehide'))")
    other.wait_for_timeout(300)
    assert api.of_kind("not_interested") == []
    page.get_by_role("button", name="Undo").click()
    assert [name for name in stored(page) if "event" in name and "not_interested" in stored(page)[name]] == []
    assert problems == []


def test_what_could_be_undone_on_a_lost_page_is_sent_by_another(page: Page, api: FakeApi) -> None:
    """A page that ended without a word leaves it behind; another sends it once its time to think again is over."""
    page.clock.install()
    open_page(page, "<p>Thank you for your order.</p>")
    event = {"event": "not_interested", "event_id": "n-1", "user_id": "7", "item_id": "空"}
    page.evaluate(
        "(kept) => localStorage.setItem('regulars:event:n-1', JSON.stringify([...kept, Date.now() + 10_000]))",
        [f"{api.origin}/v1/events", event],
    )
    open_page(page, "<p>Thank you for your order.</p>")
    page.clock.run_for(9000)
    assert api.of_kind("not_interested") == []
    with page.expect_response("**/v1/events"):
        page.clock.run_for(15_000)
    assert api.of_kind("not_interested") == [event]
    page.wait_for_function("() => !localStorage.length")
