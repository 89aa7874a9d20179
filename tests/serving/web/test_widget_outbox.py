"""What waits to be reported: who may send it, and when, over several tabs and pages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.serving.web.conftest import Problems, watch
from tests.serving.web.fake_api import FakeApi
from tests.serving.web.shelf_pages import change, open_page, ready, settled, stored

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


@pytest.mark.parametrize("token", [None, "expired"], ids=["no token", "a token that expired"])
@pytest.mark.parametrize("is_next_page", [False, True], ids=["on the same page", "on the next page"])
def test_a_guest_is_merged_once_the_user_is_vouched_for(
    page: Page, api: FakeApi, token: str | None, is_next_page: bool
) -> None:
    """A page may learn who signed in before it has the token: the merge waits for one that is believed."""
    api.asks_for_tokens = True
    open_page(page, "<regulars-shelf></regulars-shelf>")
    ready(page)
    guest = page.evaluate("Regulars.anonymousId()")
    with page.expect_response("**/v1/users:merge"):
        change(page, user="7", **({"user_token": token} if token else {}))
    page.wait_for_timeout(LONGER_THAN_LEFTOVERS_WAIT)
    unvouched = {"anonymous_id": guest, "user_id": "7"} | ({"user_token": token} if token else {})
    assert api.merges == [unvouched]
    assert "expired" not in str(stored(page))
    if is_next_page:
        open_page(page, '<regulars-shelf placement="trending"></regulars-shelf>')
        ready(page)
        page.wait_for_timeout(LONGER_THAN_LEFTOVERS_WAIT)
        assert api.merges == [unvouched]
    with page.expect_response("**/v1/users:merge"):
        change(page, user="7", user_token="signed")
    settled(page)
    page.wait_for_timeout(500)
    assert api.merges == [unvouched, {"anonymous_id": guest, "user_id": "7", "user_token": "signed"}]
    assert stored(page) == {}


def test_a_shelf_without_a_token_takes_none_from_another(page: Page, api: FakeApi) -> None:
    """One shelf that vouches for the user is enough for the page."""
    api.asks_for_tokens = True
    open_page(page, '<regulars-shelf></regulars-shelf><regulars-shelf placement="trending"></regulars-shelf>')
    settled(page)
    page.evaluate("Regulars.anonymousId()")
    with page.expect_response("**/v1/users:merge"):
        page.evaluate(
            "const [one, other] = document.querySelectorAll('regulars-shelf');"
            "one.setAttribute('user-token', 'signed');"
            "for (const shelf of [one, other]) shelf.setAttribute('user', '7')"
        )
    page.wait_for_timeout(500)
    assert [each["user_token"] for each in api.merges] == ["signed"]
