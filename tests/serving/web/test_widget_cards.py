"""Cards: "not for me", the page's own markup, and languages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.serving.web.conftest import Problems
from tests.serving.web.fake_api import FakeApi
from tests.serving.web.shelf_pages import SHELF, open_page, ready, refresh, settled

pytestmark = pytest.mark.browser

MESSAGES = "widget.messages.js"

TEMPLATE = (
    '<regulars-shelf user="7" limit="3"><template>'
    '<a data-regulars="link"><img data-regulars="image"><b data-regulars="title"></b></a>'
    '<i data-regulars="price"></i><i data-regulars="reason"></i><i data-regulars="brand"></i>'
    '<button type="button" data-regulars="add">+</button><button type="button" data-regulars="dismiss">-</button>'
    "</template></regulars-shelf>"
)


def ids(page: Page) -> list[str]:
    """Return the items on show."""
    found: list[str] = page.locator(".regulars-card").evaluate_all("cards => cards.map((card) => card.dataset.item)")
    return found


def test_not_for_me_makes_room_for_the_next(page: Page, api: FakeApi) -> None:
    """The card leaves at once, another comes, and none of this page's shelves shows the item again."""
    open_page(page, '<regulars-shelf user="7" limit="4"></regulars-shelf>')
    ready(page)
    before = ids(page)
    api.delay_seconds = 0.5
    page.get_by_role("button", name="Not for me").nth(1).click()
    assert ids(page) == [before[0], *before[2:]]
    expect(page.get_by_role("status")).to_contain_text("Removed.")
    expect(page.locator(".regulars-card")).to_have_count(4)
    assert before[1] not in ids(page)
    assert api.requests[-1]["body"]["exclude"] == [before[1]]
    refresh(page)
    assert before[1] not in ids(page)


def test_not_for_me_can_be_undone(page: Page, api: FakeApi) -> None:
    """The API hears of it only when there is no way back; undone, the item returns and nothing was said."""
    page.clock.install()
    open_page(page, '<regulars-shelf user="7" limit="4"></regulars-shelf>')
    ready(page)
    before = ids(page)
    page.get_by_role("button", name="Not for me").first.click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f"[data-item='{before[0]}']")).to_be_visible()
    page.clock.run_for(15_000)
    settled(page)
    assert api.of_kind("not_interested") == []
    page.get_by_role("button", name="Not for me").first.click()
    page.clock.run_for(9_000)
    assert api.of_kind("not_interested") == []
    with page.expect_response(lambda answer: "not_interested" in (answer.request.post_data or "")):
        page.clock.run_for(2_000)
    (event,) = api.of_kind("not_interested")
    assert (event["item_id"], event["rank"], event["user_id"]) == (before[0], 1, "7")
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)


def test_not_for_me_is_reported_when_the_page_is_left(page: Page, api: FakeApi) -> None:
    """Leaving ends the time to think again: nothing is lost."""
    open_page(page, '<regulars-shelf user="7" limit="4"></regulars-shelf>')
    ready(page)
    page.get_by_role("button", name="Not for me").first.click()
    settled(page)
    open_page(page, "<p>elsewhere</p>")
    page.wait_for_timeout(500)
    assert len(api.of_kind("not_interested")) == 1


def test_the_keyboard_stays_where_the_card_was(page: Page, api: FakeApi) -> None:
    """Who removes one item after another by keyboard does not start anew each time."""
    open_page(page, '<regulars-shelf user="7" limit="4"></regulars-shelf>')
    ready(page)
    third = ids(page)[2]
    page.locator(".regulars-dismiss").nth(1).focus()
    page.keyboard.press("Enter")
    settled(page)
    assert page.evaluate("document.activeElement.closest('.regulars-card').dataset.item") == third
    assert page.evaluate("document.activeElement.className").startswith("regulars-dismiss")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className").startswith("regulars-title")
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    settled(page)
    expect(page.get_by_role("button", name="Why these?")).to_be_focused()


def test_a_page_brings_its_own_markup(page: Page, api: FakeApi, problems: Problems) -> None:
    """A template says what goes where; the widget fills it in, names its buttons and listens to them."""
    api.overrides = {"url": "/shop", "brand": "Acme", "title": "<b>Tea</b>", "price": 3.5}
    page.add_init_script(
        "window.heard = []; for (const name of ['click', 'add', 'dismiss'])"
        "  addEventListener('regulars:' + name, (event) => { window.heard.push(name); event.preventDefault() });"
    )
    open_page(page, TEMPLATE)
    ready(page)
    card = page.get_by_role("listitem").first
    assert [card.locator(part).inner_text() for part in ("b", "i >> nth=0", "i >> nth=2")] == [
        "<b>Tea</b>",
        "$3.50",
        "Acme",
    ]
    assert card.locator("a").get_attribute("href") == f"{api.origin}/shop"
    assert card.locator("img").evaluate("image => image.decode().then(() => image.alt)") == ""
    card.locator("a").click()
    card.get_by_role("button", name="Add <b>Tea</b> to cart").click()
    card.get_by_role("button", name="Not for me: <b>Tea</b>").click()
    assert page.evaluate("window.heard") == ["click", "add", "dismiss"]
    assert len(api.of_kind("click")) == 1
    assert problems == []


def test_a_hostile_item_does_no_harm_in_a_template(page: Page, api: FakeApi) -> None:
    """Addresses that are not the web's are left out; a card without a picture or a link is whole."""
    api.overrides = {"url": "javascript:window.hacked=1", "image_url": "", "brand": None}
    open_page(page, TEMPLATE)
    ready(page)
    card = page.locator(".regulars-card").first
    assert card.locator("a").get_attribute("href") is None
    expect(card.locator("img")).to_have_count(0)
    card.locator("a").click()
    assert page.evaluate("window.hacked") is None


def test_own_markup_holds_its_place(page: Page, api: FakeApi) -> None:
    """While it waits a shelf with a template is as high as it will be, as long as each part takes a line."""
    api.delay_seconds = 1
    open_page(page, '<regulars-shelf user="7"><template><p data-regulars="price"></p></template></regulars-shelf>')
    ready(page, "loading")
    top = "document.getElementById('after').getBoundingClientRect().top"
    before = page.evaluate(top)
    ready(page)
    assert page.evaluate(top) == pytest.approx(before, abs=0.5)


def test_each_language_says_everything() -> None:
    """Chinese lacks nothing that English has, has nothing more, and fills in the same values."""
    from serving import web

    source = web._read(MESSAGES)
    english, chinese = re.findall(r"^  \w\w: \{\n(.*?)^  \},", source, re.DOTALL | re.MULTILINE)
    entry = re.compile(r'^    "?([\w-]+)"?: "(.*)",$', re.MULTILINE)
    texts = [dict(entry.findall(language)) for language in (english, chinese)]
    assert len(texts[0]) == english.count("\n") > 30
    assert list(texts[0]) == list(texts[1])
    holes = [{key: sorted(re.findall(r"\{\w+\}", text)) for key, text in each.items()} for each in texts]
    assert holes[0] == holes[1]
    assert not [key for key, text in texts[1].items() if not re.search(r"[\u4e00-\u9fff]", text)]


def test_a_page_teaches_the_widget_its_language(page: Page, api: FakeApi) -> None:
    """Texts can be added and changed; what a language lacks is said in English."""
    open_page(page, '<regulars-shelf user="7" lang="fr-CA" add></regulars-shelf>')
    ready(page)
    page.evaluate("Regulars.messages.fr = { add: 'Ajouter au panier', heading_home: 'Choisi pour vous' }")
    refresh(page)
    expect(page.get_by_role("region", name="Choisi pour vous")).to_be_visible()
    expect(page.locator(".regulars-add").first).to_have_text("Ajouter au panier")
    expect(page.locator(".regulars-why")).to_have_text("Why these?")


def test_right_to_left_pages_are_mirrored(page: Page, api: FakeApi) -> None:
    """The first card stands at the right, the button of a card at its left, and the arrows lead onwards."""
    open_page(page, '<regulars-shelf limit="20"></regulars-shelf>', 'lang="ar" dir="rtl"')
    ready(page)
    boxes = page.locator(".regulars-card").evaluate_all("cards => cards.map((card) => card.getBoundingClientRect().x)")
    assert boxes == sorted(boxes, reverse=True)
    offset = "button => button.getBoundingClientRect().x - button.closest('.regulars-card').getBoundingClientRect().x"
    assert page.locator(".regulars-dismiss").first.evaluate(offset) < 10
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("button", name="Show previous")).to_be_enabled()
    assert page.locator(".regulars-items").evaluate("list => list.scrollLeft") < 0
    assert page.locator(f"{SHELF}").evaluate("shelf => document.documentElement.scrollWidth <= innerWidth")
