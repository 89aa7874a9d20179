"""Consent, guests and history: what is kept, what is sent, and for whom shelves are picked."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.serving.web.conftest import Problems
from tests.serving.web.fake_api import FakeApi
from tests.serving.web.shelf_pages import ASKING, SHELF, change, open_page, ready, refresh, settled, stored

pytestmark = pytest.mark.browser

SEEN = 2000
PERSONAL = '<regulars-shelf user="7" user-token="signed" anonymous-id="a-1" limit="4" add></regulars-shelf>'


def give(page: Page, consent: str) -> None:
    """Call the switch, and wait for the shelves."""
    page.evaluate(f"Regulars.consent({consent})")
    settled(page)


def test_without_consent_nothing_is_kept_or_sent(page: Page, api: FakeApi, problems: Problems) -> None:
    """Until the page says yes, nobody is named, nothing is reported, and the shelf shows what it shows to anybody."""
    open_page(page, PERSONAL, ASKING)
    ready(page)
    page.locator(".regulars-title").first.click()
    page.locator(".regulars-add").first.click()
    page.locator(".regulars-dismiss").first.click()
    page.wait_for_timeout(SEEN)
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    settled(page)
    assert page.evaluate("Regulars.consent()") is False
    assert {each["path"] for each in api.requests} == {"/v1/recommendations"}
    assert all(not {"user_id", "anonymous_id", "user_token"} & set(each["body"]) for each in api.requests)
    assert api.batches == api.merges == []
    assert stored(page) == {}
    assert page.context.cookies() == []
    expect(page.get_by_role("region", name="Popular right now")).to_be_visible()
    assert problems == []


def test_consent_takes_effect_at_once_and_lasts(page: Page, api: FakeApi) -> None:
    """The shelves ask again, for the user now; the next page need not ask."""
    open_page(page, PERSONAL, ASKING)
    ready(page)
    give(page, "true")
    assert api.requests[-1]["body"]["user_id"] == "7"
    expect(page.get_by_role("region", name="Picked for you")).to_be_visible()
    with page.expect_response("**/v1/events"):
        page.locator(".regulars-title").first.click()
    open_page(page, PERSONAL, ASKING)
    ready(page)
    assert api.requests[-1]["body"]["user_id"] == "7"


def test_consent_can_be_withdrawn(page: Page, api: FakeApi) -> None:
    """Personal picks leave the page, what was kept is deleted, what waited is not sent, and nothing more follows."""
    api.refused = 503
    open_page(page, '<regulars-shelf limit="4" add></regulars-shelf>', ASKING)
    ready(page)
    give(page, "true")
    page.locator(".regulars-add").first.click()
    page.wait_for_timeout(SEEN)
    assert any("anonymous" in name for name in stored(page))
    assert any("event" in name for name in stored(page))
    give(page, "false")
    assert stored(page) == {}
    api.refused, sent = 0, len(api.batches)
    page.locator(".regulars-add").first.click()
    page.wait_for_timeout(3000)
    assert len(api.batches) == sent
    assert "anonymous_id" not in api.requests[-1]["body"]


def test_the_pages_own_attribute_switches_too(page: Page, api: FakeApi) -> None:
    """A page that keeps consent itself says so in its markup, or changes it there at any time."""
    open_page(page, PERSONAL, 'lang="en" data-regulars-consent="yes"')
    ready(page)
    assert api.requests[-1]["body"]["user_id"] == "7"
    page.evaluate("document.documentElement.dataset.regularsConsent = 'no'")
    settled(page)
    assert "user_id" not in api.requests[-1]["body"]
    expect(page.get_by_role("region", name="Popular right now")).to_be_visible()


def test_a_page_that_says_no_finds_nothing_kept(page: Page, api: FakeApi) -> None:
    """What earlier pages kept with consent is deleted and not sent, if the next page opens without it."""
    api.refused = 503
    open_page(page, '<regulars-shelf limit="4" add></regulars-shelf>', ASKING)
    ready(page)
    give(page, "true")
    page.locator(".regulars-add").first.click()
    page.wait_for_timeout(500)
    assert len(stored(page)) == 3
    api.refused, sent = 0, len(api.batches)
    open_page(page, '<regulars-shelf limit="4" add></regulars-shelf>', 'data-regulars-consent="no"')
    ready(page)
    page.wait_for_timeout(3000)
    assert stored(page) == {}
    assert len(api.batches) <= sent + 1  # what was under way when the first page was left


def test_a_refusal_lasts_where_silence_would_mean_yes(page: Page, api: FakeApi) -> None:
    """On pages that do not ask, a no is all that is kept, and the next page heeds it."""
    open_page(page, PERSONAL)
    ready(page)
    give(page, "false")
    assert stored(page) == {"regulars:consent": "no"}
    open_page(page, PERSONAL)
    ready(page)
    assert "user_id" not in api.requests[-1]["body"]


def test_a_guest_gets_an_id_with_their_first_deed(page: Page, api: FakeApi) -> None:
    """Who only looks has none; what is done afterwards, and the next page, carry the same one."""
    open_page(page, '<regulars-shelf limit="4" add></regulars-shelf>')
    ready(page)
    page.wait_for_timeout(SEEN)
    assert [set(each) & {"anonymous_id"} for each in api.of_kind("impression")] == [set()] * 4
    assert not any("anonymous" in name for name in stored(page))
    with page.expect_response("**/v1/events"):
        page.locator(".regulars-add").first.click()
    (added,) = api.of_kind("add_to_cart")
    open_page(page, '<regulars-shelf limit="4" placement="trending"></regulars-shelf>')
    ready(page)
    assert api.requests[-1]["body"]["anonymous_id"] == added["anonymous_id"]
    assert page.evaluate("Regulars.anonymousId()") == added["anonymous_id"]


def test_a_guest_becomes_a_user(page: Page, api: FakeApi) -> None:
    """On sign-in the API is told once whose deeds these were, and the guest's id is forgotten."""
    open_page(
        page, '<regulars-shelf limit="4" add></regulars-shelf><regulars-shelf placement="trending"></regulars-shelf>'
    )
    settled(page)
    guest = page.evaluate("Regulars.anonymousId()")
    with page.expect_response("**/v1/users:merge"):
        page.evaluate(
            "for (const shelf of document.querySelectorAll('regulars-shelf')) {"
            "  shelf.setAttribute('user-token', 'signed'); shelf.setAttribute('user', '7') }"
        )
    settled(page)
    page.wait_for_function("!Object.keys(localStorage).some((key) => key.startsWith('regulars:'))")
    assert api.merges == [{"anonymous_id": guest, "user_id": "7", "user_token": "signed"}]
    asked = [each["body"] for each in api.requests if each.get("user") == "7"]
    assert [each["anonymous_id"] for each in asked] == [guest] * 2, "the merge may arrive after the questions"
    assert stored(page) == {}
    page.evaluate("document.querySelectorAll('regulars-shelf').forEach((shelf) => shelf.removeAttribute('user'))")
    settled(page)
    assert "anonymous_id" not in api.requests[-1]["body"]


def test_a_guest_is_not_remembered_beyond_a_refusal(page: Page, api: FakeApi) -> None:
    """Who withdraws consent and gives it again is the user from then on, and not the guest they were before."""
    open_page(page, '<regulars-shelf limit="4" add></regulars-shelf>')
    ready(page)
    guest = page.evaluate("Regulars.anonymousId()")
    page.evaluate("document.querySelector('regulars-shelf').setAttribute('user', '7')")
    settled(page)
    assert api.requests[-1]["body"]["anonymous_id"] == guest
    for answer in ("false", "true"):
        give(page, answer)
    assert api.requests[-1]["user"] == "7"
    assert "anonymous_id" not in (api.requests[-1].get("body") or {})


def test_a_shop_may_name_its_guests_itself(page: Page, api: FakeApi) -> None:
    """Its id is used for questions and events, nothing is made or merged here."""
    open_page(page, '<regulars-shelf anonymous-id="a-1" limit="2"></regulars-shelf>')
    ready(page)
    assert api.requests[0]["body"]["anonymous_id"] == "a-1"
    with page.expect_response("**/v1/events"):
        page.locator(".regulars-title").first.click()
    assert {each["anonymous_id"] for each in api.events} == {"a-1"}
    change(page, user="7")
    settled(page)
    page.wait_for_timeout(500)
    assert api.merges == []
    assert not any("anonymous" in name for name in stored(page))


@pytest.mark.parametrize(
    ("source", "language", "text"),
    [
        ("personal", "en", "what you bought and looked at"),
        ("folded_in", "en", "what you bought and looked at"),
        ("buy_again", "en", "You bought these before"),
        ("similar", "en", "together with the items"),
        ("trending", "en", "Nothing about you was used"),
        ("popular", "zh", "没有使用你的任何信息"),
    ],
)
def test_why_these_is_answered_in_plain_words(page: Page, api: FakeApi, source: str, language: str, text: str) -> None:
    """Each source has its own honest answer, in a dialog that Escape closes and that gives the focus back."""
    api.slate_overrides = {"source": source}
    open_page(page, f'<regulars-shelf user="7" lang="{language}"></regulars-shelf>')
    ready(page)
    why = page.locator(".regulars-why")
    why.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Why these?" if language == "en" else "为什么推荐这些？")).to_contain_text(
        text
    )
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(why).to_be_focused()


def test_history_can_be_left_out(page: Page, api: FakeApi) -> None:
    """One press, and every shelf is picked without it, on the next page too; another brings it back."""
    shelves = '<regulars-shelf user="7"></regulars-shelf><regulars-shelf user="7" placement="reorder"></regulars-shelf>'
    open_page(page, shelves)
    settled(page)
    page.get_by_role("button", name="Why these?").first.click()
    page.get_by_role("button", name="Don’t use my history").click()
    settled(page)
    assert [each["body"].get("personal") for each in api.requests] == [None, None, False, False]
    expect(page.get_by_role("region", name="Popular right now").first).to_be_visible()
    open_page(page, shelves)
    settled(page)
    assert api.requests[-1]["body"]["personal"] is False
    page.get_by_role("button", name="Why these?").first.click()
    page.get_by_role("button", name="Use my history").click()
    settled(page)
    assert "personal" not in api.requests[-1]["body"]
    expect(page.get_by_role("region", name="Picked for you")).to_be_visible()


def test_without_a_history_there_is_nothing_to_switch(page: Page, api: FakeApi) -> None:
    """Nobody without consent, and no guest without an id, is offered to leave out what is not used."""
    open_page(page, '<regulars-shelf user="7"></regulars-shelf>', ASKING)
    ready(page)
    page.get_by_role("button", name="Why these?").click()
    expect(page.get_by_role("dialog").get_by_role("button")).to_have_count(1)
    page.get_by_role("button", name="Close").click()
    refresh(page)
    expect(page.locator(f"{SHELF}[data-state=ready]")).to_be_visible()
