"""What a mail says, in the customer's language."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from recommender.candidates import ReasonCode, Source
from recommender.loyalty.rfm import Segment
from serving.campaigns.letters import WORDS, Letter, Shop, letter_of, letter_of_slate, one_line
from serving.campaigns.snapshot import Sent, SentItem, SentPick

TODAY = date(2018, 1, 2)
SHOP = Shop(name="Corner", url="https://shop.example/", currency="EUR", language="en")
TEA = SentItem("tea", "Green tea", "", "", "Tea", "", 1234.5)
MILK = SentItem("milk", "", "", "", "", "", None)


class Here:
    """Leads to the slot's own number."""

    def click(self, slot: int) -> str:
        return f"https://reco.example/l/{slot}"

    def image(self, slot: int) -> str:
        return f"https://reco.example/i/{slot}.png"


def pick(reason: ReasonCode, rests_on: SentItem | None = None, due_on: date | None = None) -> SentPick:
    return SentPick(item=TEA, source=Source.PERSONAL, reason=reason, rests_on=rests_on, due_on=due_on)


def sent(*picks: SentPick, is_personal: bool = True) -> Sent:
    return Sent(
        number=3,
        user_id="17",
        slate_id="s",
        segment=Segment.AT_RISK,
        recency_days=1,
        frequency=1,
        monetary=1.0,
        alive=None,
        next_order=None,
        next_order_from=None,
        next_order_until=None,
        coupon_tier="",
        group=None,
        is_personal=is_personal,
        picks=picks,
    )


def letter(*picks: SentPick, language: str = "en", is_personal: bool = True) -> Letter:
    shop = dataclasses.replace(SHOP, language=language)
    return letter_of(sent(*picks, is_personal=is_personal), shop, Here(), campaign="win-back", day=TODAY)


@pytest.mark.parametrize(
    ("chosen", "english", "chinese"),
    [
        (pick(ReasonCode.BECAUSE_YOU_BOUGHT, TEA), "Because you bought Green tea", "因为你买过Green tea"),
        (pick(ReasonCode.BECAUSE_YOU_BOUGHT, MILK), "Because you bought milk", "因为你买过milk"),
        (pick(ReasonCode.SIMILAR_TO), "A favourite in this shop", "店内热销"),
        (pick(ReasonCode.BUY_AGAIN, due_on=date(2018, 1, 3)), "Time to restock", "该补货了"),
        (
            pick(ReasonCode.BUY_AGAIN, due_on=date(2018, 1, 19)),
            "You may need it around Jan\u00a019",
            "大约1月19日需要补货",
        ),
        (pick(ReasonCode.BUY_AGAIN, due_on=date(2018, 2, 9)), "Buy again", "再次购买"),
        (pick(ReasonCode.FAVOURITE_CATEGORY), "Because you like Tea", "因为你喜欢Tea"),
        (pick(ReasonCode.TRENDING), "Trending now", "正在流行"),
    ],
)
def test_reasons_are_the_widgets(chosen: SentPick, english: str, chinese: str) -> None:
    """The same words as on the site, in both languages; a reason whose item is not known claims less."""
    assert letter(chosen).items[0].reason == english
    assert letter(chosen, language="zh").items[0].reason == chinese


def test_every_reason_has_words() -> None:
    """No code of the model leaves a place without a reason."""
    for code in ReasonCode:
        assert all(letter(pick(code, TEA, TODAY), language=tongue).items[0].reason for tongue in WORDS)


def test_the_heading_claims_no_more_than_is_there() -> None:
    """What is all bought again is called so, and what anybody would get is called popular."""
    again, popular = pick(ReasonCode.BUY_AGAIN), pick(ReasonCode.POPULAR)
    assert letter(again).heading == "Buy again"
    assert letter(again, popular).heading == "Picked for you"
    assert letter(popular, is_personal=False).heading == "Popular right now"


def test_places_have_their_own_addresses_and_prices() -> None:
    """Slots are counted from 0; a price is written as the widget writes it; an item without a title is its id."""
    item = letter(pick(ReasonCode.POPULAR)).items[0]
    assert (item.url, item.image_url) == ("https://reco.example/l/0", "https://reco.example/i/0.png")
    assert (item.title, item.price) == ("Green tea", "€1,234.50")
    bare = letter(dataclasses.replace(pick(ReasonCode.POPULAR), item=MILK)).items[0]
    assert (bare.title, bare.price) == ("milk", "")


def test_a_slate_and_a_send_say_the_same() -> None:
    """What would be sent now is put into the words that a send of the same picks has."""
    slate = {
        "user_id": "17",
        "source": "personal",
        "items": [
            {
                "item_id": "tea",
                "title": "Green tea",
                "category": "Tea",
                "price": 1234.5,
                "reason": {"code": "because_you_bought", "item_id": "tea", "item_title": "Green tea", "due_on": None},
            }
        ],
    }
    now = letter_of_slate(slate, SHOP, Here(), segment="at risk", day=TODAY)
    then = letter(pick(ReasonCode.BECAUSE_YOU_BOUGHT, TEA))
    assert now == dataclasses.replace(then, campaign="")


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x00\x1f b", "  a   b ", "\u202ea\u2066 b"])
def test_titles_are_one_line(text: str) -> None:
    """A title adds no line to a text, and turns no other around."""
    assert one_line(text) == "a b"
