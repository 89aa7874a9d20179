"""What the widget reports: when something counts as seen, and that nothing is lost or counted twice."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.serving.web.conftest import Problems
from tests.serving.web.fake_api import FakeApi
from tests.serving.web.shelf_pages import SHELF, open_page, ready, refresh, settled, stored

pytestmark = pytest.mark.browser

SPACER = '<svg width="10" height="3000"></svg>'
LONGER_THAN_A_LOOK = 2000
"""Milliseconds: what is in view for one second counts, and leaves a moment later."""


def test_impressions_are_sent_once_and_only_when_seen(page: Page, api: FakeApi) -> None:
    """A shelf below the fold was not shown; one that is scrolled past twice was shown once."""
    spacer = '<svg width="10" height="3000"></svg>'
    open_page(page, f'{spacer}<regulars-shelf user="7" limit="4"></regulars-shelf>{spacer}')
    ready(page)
    page.wait_for_timeout(500)
    assert api.of_kind("impression") == []
    with page.expect_request("**/v1/events"):
        page.locator(SHELF).scroll_into_view_if_needed()
        page.mouse.wheel(0, 300)
    page.mouse.wheel(0, 3000)
    page.mouse.wheel(0, -3000)
    page.wait_for_timeout(500)
    seen = api.of_kind("impression")
    assert [each["rank"] for each in seen] == [1, 2, 3, 4]
    assert {(each["slate_id"], each["user_id"], each["placement"]) for each in seen} == {(api.slate_id(1), "7", "home")}
    assert len({each["event_id"] for each in seen}) == 4


def test_a_click_is_reported_even_though_the_page_is_left(page: Page, api: FakeApi) -> None:
    """A link with a URL navigates, and its click still arrives; what was clicked was seen, however quickly."""
    api.overrides = {"url": "/shop"}
    open_page(page, '<regulars-shelf user="7" limit="2"></regulars-shelf>')
    ready(page)
    page.locator(".regulars-title").first.click()
    page.wait_for_url("**/shop")
    page.wait_for_timeout(500)
    (click,) = api.of_kind("click")
    assert (click["slate_id"], click["rank"]) == (api.slate_id(1), 1)
    assert [each["rank"] for each in api.of_kind("impression") if each["slate_id"] == api.slate_id(1)] == [1]


def test_what_was_passed_by_in_haste_was_not_seen(page: Page, api: FakeApi) -> None:
    """Half of a card has to be in view for a second."""
    open_page(page, f'{SPACER}<regulars-shelf user="7" limit="4"></regulars-shelf>{SPACER}')
    ready(page)
    page.locator(SHELF).scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(LONGER_THAN_A_LOOK)
    assert api.of_kind("impression") == []


def test_each_card_counts_by_itself(page: Page, api: FakeApi) -> None:
    """What lies beyond the shelf's edge counts once it is scrolled to; what was seen before does not count again."""
    open_page(page, '<regulars-shelf user="7" limit="20"></regulars-shelf>')
    ready(page)
    page.wait_for_timeout(LONGER_THAN_A_LOOK)
    first = [each["rank"] for each in api.of_kind("impression")]
    assert first == list(range(1, len(first) + 1))
    assert 1 < len(first) < 20
    assert len(api.batches) == 1
    page.get_by_role("button", name="Show more").click()
    page.wait_for_timeout(LONGER_THAN_A_LOOK)
    page.get_by_role("button", name="Show previous").click()
    page.wait_for_timeout(LONGER_THAN_A_LOOK)
    ranks = [each["rank"] for each in api.of_kind("impression")]
    assert len(ranks) > len(first)
    assert set(Counter(ranks).values()) == {1}


def test_a_new_slate_is_seen_anew(page: Page, api: FakeApi) -> None:
    """Impressions belong to a slate: the same items on the next one count for that."""
    open_page(page, '<regulars-shelf user="7" limit="2"></regulars-shelf>')
    ready(page)
    page.wait_for_timeout(LONGER_THAN_A_LOOK)
    refresh(page)
    page.wait_for_timeout(LONGER_THAN_A_LOOK)
    seen = [(each["slate_id"], each["rank"]) for each in api.of_kind("impression")]
    assert seen == [(api.slate_id(slate), rank) for slate in (1, 2) for rank in (1, 2)]


@pytest.mark.parametrize("trouble", ["a broken API", "no network"])
def test_what_failed_is_sent_again(page: Page, api: FakeApi, trouble: str, problems: Problems) -> None:
    """After a failure the same events leave once more, under the same ids; nothing is lost, and the page is calm."""
    open_page(page, '<regulars-shelf user="7" add></regulars-shelf>')
    ready(page)
    api.refused = 503 if trouble == "a broken API" else 0
    page.context.set_offline(trouble == "no network")
    page.locator(".regulars-add").first.click()
    page.wait_for_timeout(500)
    assert api.of_kind("add_to_cart") == []
    api.refused = 0
    page.context.set_offline(False)
    with page.expect_response(lambda answer: "/v1/events" in answer.url and answer.status == 202, timeout=10_000):
        pass
    page.wait_for_timeout(LONGER_THAN_A_LOOK)
    assert len(api.of_kind("add_to_cart")) == 1
    assert not [name for name in stored(page) if "event" in name]
    assert problems == []


def test_what_was_under_way_survives_navigation(page: Page, api: FakeApi) -> None:
    """The next page sends what this one could not, and what the API knows already counts once."""
    api.refused = 503
    open_page(page, '<regulars-shelf user="7" limit="3" add></regulars-shelf>')
    ready(page)
    page.locator(".regulars-add").first.click()
    page.wait_for_timeout(LONGER_THAN_A_LOOK)
    assert len([name for name in stored(page) if name.startswith("regulars:event:")]) == 4
    api.refused = 0
    open_page(page, "<p>Thank you for your order.</p>")
    page.wait_for_function("() => !Object.keys(localStorage).some((name) => name.includes('event'))")
    assert Counter(each["event"] for each in api.events) == {"add_to_cart": 1, "impression": 3}
    sent = Counter(each["event_id"] for batch in api.batches for each in batch["events"])
    assert set(sent) == {each["event_id"] for each in api.events}


def test_what_the_api_refuses_is_not_sent_forever(page: Page, api: FakeApi) -> None:
    """An event that is wrong today is wrong tomorrow."""
    api.refused = 422
    open_page(page, '<regulars-shelf user="7" limit="1"></regulars-shelf>')
    ready(page)
    with page.expect_response("**/v1/events"):
        page.locator(".regulars-title").first.click()
    page.wait_for_timeout(200)
    api.refused = 0
    assert not [name for name in stored(page) if "event" in name]


def test_blocked_storage_breaks_nothing(page: Page, api: FakeApi, problems: Problems) -> None:
    """In a sandboxed frame every touch of storage throws; shelves and reports work all the same."""
    shelf = {"body": '<regulars-shelf limit="2" add></regulars-shelf>'}
    page.goto(f"/framed?{urlencode({'page': urlencode(shelf, quote_via=quote)})}")
    frame = page.frames[-1]
    frame.wait_for_selector(f"{SHELF}[data-state=ready]")
    with page.expect_response("**/v1/events"):
        frame.locator(".regulars-add").first.click()
    assert frame.evaluate("(() => { try { return localStorage.length } catch (error) { return error.name } })()") == (
        "SecurityError"
    )
    assert api.of_kind("add_to_cart")[0]["anonymous_id"]
    assert problems == []


def test_an_event_says_what_is_known(page: Page, api: FakeApi) -> None:
    """Slate, place, rank and time, and where it came from; a bought-together shelf goes by its own name."""
    api.overrides = {"currency": "EUR", "price": 3.5}
    open_page(page, '<regulars-shelf placement="bought-together" item="1004" add></regulars-shelf>')
    ready(page)
    with page.expect_response("**/v1/events"):
        page.locator(".regulars-add").first.click()
    (event,) = api.of_kind("add_to_cart")
    assert event | {"placement": "bought-together", "rank": 1, "source": "web", "quantity": 1} == event
    assert (event["price"], event["currency"]) == (3.5, "EUR")
    assert event["time"].endswith("Z")


def test_a_batch_says_when_it_was_sent(page: Page, api: FakeApi) -> None:
    """By the clock that dated its events, so that the API can put a wrong one right, however late they arrive."""
    page.clock.install(time="2031-05-06T07:08:09Z")
    api.refused = 503
    open_page(page, '<regulars-shelf user="7" limit="2"></regulars-shelf>')
    ready(page)
    with page.expect_response("**/v1/events"):
        page.locator(".regulars-title").first.click()
    api.refused = 0
    with page.expect_response("**/v1/events"):
        page.clock.run_for(60_000)
    sent = [datetime.fromisoformat(batch["sent_at"]) for batch in api.batches]
    assert all(re.fullmatch(r"2031-05-06T07:\d\d:\d\d\.\d{3}Z", batch["sent_at"]) for batch in api.batches)
    (clicked,) = [datetime.fromisoformat(event["time"]) for event in api.of_kind("click")]
    assert sent[0] - clicked < timedelta(seconds=5)
    assert sent[-1] > sent[0]


def test_a_page_without_the_script_shows_its_fallback(page: Page, problems: Problems) -> None:
    """A blocked or broken script costs the shelf, and the page does not notice."""
    page.route("**/widget.js", lambda route: route.abort())
    open_page(page, '<regulars-shelf><p slot="fallback">Our own picks</p></regulars-shelf>')
    expect(page.get_by_text("Our own picks")).to_be_visible()
    assert problems == []


def test_a_page_that_throws_does_not_stop_the_shelf(page: Page, api: FakeApi) -> None:
    """A listener of the page that fails is the page's own trouble."""
    page.add_init_script(
        "for (const name of ['loaded', 'click'])"
        "  document.addEventListener('regulars:' + name, () => { throw new Error('the page is broken') });"
    )
    open_page(page, '<regulars-shelf user="7"></regulars-shelf>')
    ready(page)
    settled(page)
    with page.expect_response("**/v1/events"):
        page.locator(".regulars-title").first.click()
    assert len(api.of_kind("click")) == 1
