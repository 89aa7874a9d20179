"""Several shelves on a page: one request, no item twice, and none of them spoils another."""

from __future__ import annotations

from collections import Counter

import pytest
from playwright.sync_api import Page, expect

from recommender.catalogue import Item
from serving.schemas import MAX_EXCLUDED
from tests.serving.web.conftest import Problems
from tests.serving.web.fake_api import FakeApi
from tests.serving.web.shelf_pages import SHELF, open_page, ready, refresh, settled, stored

pytestmark = pytest.mark.browser

THREE = (
    '<regulars-shelf placement="reorder" user="7" limit="4"></regulars-shelf>'
    '<regulars-shelf placement="home" user="7" limit="6"></regulars-shelf>'
    '<regulars-shelf placement="bought-together" user="7" item="1004" limit="5"></regulars-shelf>'
)


def items_of(page: Page) -> list[str]:
    """Return the items of all cards on the page."""
    found: list[str] = page.locator(".regulars-card").evaluate_all("cards => cards.map((card) => card.dataset.item)")
    return found


def test_several_shelves_ask_once(page: Page, api: FakeApi) -> None:
    """One POST brings every shelf of the page, each asked as it would ask alone."""
    open_page(page, THREE)
    settled(page)
    assert api.calls == ["/v1/slates"]
    assert [(each["body"]["placement"], each["body"].get("seeds")) for each in api.requests] == [
        ("reorder", None),
        ("home", {"viewed": []}),
        ("cart", {"cart": ["1004"]}),
    ]
    assert {each["user"] for each in api.requests} == {"7"}


def test_no_item_stands_on_two_shelves(page: Page, api: FakeApi) -> None:
    """The request asks for that, and a shelf that comes later leaves out what is on show already."""
    open_page(page, THREE)
    settled(page)
    assert len(set(items_of(page))) == len(items_of(page)) == 15
    page.evaluate(
        "const late = document.createElement('regulars-shelf'); late.setAttribute('user', '7');"
        "document.querySelector('main').append(late)"
    )
    expect(page.locator(f"{SHELF}[data-state=ready]")).to_have_count(4)
    assert len(set(items_of(page))) == len(items_of(page)) == 23
    assert api.calls == ["/v1/slates", "/v1/recommendations"]


@pytest.mark.parametrize(
    ("n_shelves", "limit", "sizes"),
    [(50, 24, [41, 9]), (101, 1, [100, 1]), (12, 100, [10, 2])],
    ids=["many places", "many shelves", "long shelves"],
)
def test_more_than_one_request_can_hold_is_asked_in_several(
    page: Page, api: FakeApi, n_shelves: int, limit: int, sizes: list[int]
) -> None:
    """As many shelves as the API takes go together; the others follow, and repeat nothing of what the first show."""
    api.items |= {f"more-{n}": Item(item_id=f"more-{n}", title=f"More {n}") for n in range(n_shelves * limit)}
    open_page(page, f'<regulars-shelf limit="{limit}"></regulars-shelf>' * n_shelves)
    expect(page.locator(f"{SHELF}[data-state=ready]")).to_have_count(n_shelves, timeout=30_000)
    assert api.calls == ["/v1/slates", "/v1/recommendations" if sizes[1] == 1 else "/v1/slates"]
    asked = Counter(len(each["body"].get("exclude", [])) for each in api.requests)
    assert asked == {0: sizes[0], min(sizes[0] * limit, MAX_EXCLUDED): sizes[1]}
    assert len(set(items_of(page))) == len(items_of(page)) == n_shelves * limit


def test_a_shelf_the_api_cannot_answer_spoils_no_other(page: Page, api: FakeApi, problems: Problems) -> None:
    """If the shelves' request is refused, each asks by itself, and only the one that is wrong stays away."""
    open_page(page, THREE)
    settled(page)
    page.evaluate(
        "const shelves = [...document.querySelectorAll('regulars-shelf')];"
        "shelves.forEach((shelf) => shelf.setAttribute('user', '8'));"
        "shelves[1].setAttribute('items', 'a\\u0000b')"
    )
    settled(page)
    assert api.calls[1] == "/v1/slates"
    assert sorted(api.calls[2:]) == ["/v1/items/1004/bought-together", "/v1/recommendations", "/v1/users/8/buy-again"]
    states = page.locator(SHELF).evaluate_all("shelves => shelves.map((shelf) => shelf.dataset.state)")
    assert states == ["ready", "hidden", "ready"]
    assert problems == []


def test_a_nonsensical_answer_to_one_spoils_no_other(page: Page, api: FakeApi, problems: Problems) -> None:
    """A slate that cannot be drawn leaves the one on show, with its reports; whoever asks later is answered."""
    page.add_init_script("window.thrown = []; addEventListener('unhandledrejection', () => thrown.push('rejection'))")
    open_page(page, '<regulars-shelf user="7" limit="4"></regulars-shelf>')
    ready(page)
    shown = items_of(page)
    api.slate_overrides = {"slate_id": "nonsense", "items": [None]}
    refresh(page)
    assert items_of(page) == shown
    assert page.evaluate("document.querySelector('regulars-shelf').slate.slate_id") == api.slate_id(1)
    api.slate_overrides = {}
    page.evaluate("document.querySelector('main').append(document.createElement('regulars-shelf'))")
    expect(page.locator(f"{SHELF}[data-state=ready]")).to_have_count(2)
    assert api.requests[-1]["body"]["exclude"] == shown
    assert page.evaluate("thrown") == problems == []


def test_each_shelf_waits_as_long_as_it_says(page: Page, api: FakeApi) -> None:
    """The impatient one shows its fallback; the other gets the answer to the same request."""
    api.delay_seconds = 1.5
    fallback = '<p slot="fallback">Our own picks</p>'
    open_page(
        page,
        f'<regulars-shelf user="7" timeout="300">{fallback}</regulars-shelf>'
        f'<regulars-shelf placement="trending" timeout="20000">{fallback}</regulars-shelf>',
    )
    ready(page, "fallback")
    ready(page)
    assert api.calls == ["/v1/slates"]


def test_shelves_of_different_keys_ask_apart(page: Page, api: FakeApi) -> None:
    """What one key may see is not asked for with another."""
    open_page(page, '<regulars-shelf key="pk_a"></regulars-shelf><regulars-shelf key="pk_b"></regulars-shelf>')
    settled(page)
    assert sorted(each["query"]["key"] for each in api.requests) == ["pk_a", "pk_b"]


def test_a_user_token_goes_with_questions_and_events(page: Page, api: FakeApi) -> None:
    """It proves who asks, stands in bodies only, and is never kept in the browser."""
    with page.expect_response("**/v1/recommendations"):
        open_page(page, '<regulars-shelf user="7" user-token="signed"></regulars-shelf>')
    ready(page)
    assert api.requests[0]["body"] | {"user_id": "7", "user_token": "signed"} == api.requests[0]["body"]
    with page.expect_response("**/v1/events"):
        page.locator(".regulars-title").first.click()
    assert api.batches[0]["user_token"] == "signed"
    assert "signed" not in str(stored(page))
    assert "signed" not in str([each["query"] for each in api.requests])
