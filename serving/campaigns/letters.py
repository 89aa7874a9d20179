"""A mail to one person in words: what stands in it, ready to be put into any template.

The words are those of the widget, in English or Chinese, so that a customer reads the same reason in a mail as on the
site. A letter is made from what was sent, with links that are signed; or, to look at it, from what would be sent now,
with links that lead straight to the items and report nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from recommender.candidates import ReasonCode
from serving.campaigns.snapshot import Sent, SentPick
from serving.campaigns.wording import FAR
from serving.fragments.amounts import day_text, price_text
from serving.fragments.shelf import web_address
from serving.fragments.texts import say

SOON = timedelta(days=3)
"""What is due no later than this is due now, as in the widget."""

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {"shop": "Visit {shop}", "why": "You get this mail because you are a customer of {shop}."},
    "zh": {"shop": "前往{shop}", "why": "您收到此邮件，是因为您是{shop}的顾客。"},
}
"""What a mail says beside the widget's words."""

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of a line, beyond the title that holds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterItem:
    """One offer as it is read. Every field is a text; it is empty where nothing is known."""

    item_id: str
    title: str
    category: str
    price: str
    reason: str
    url: str
    image_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Everything a template gets."""

    language: str
    heading: str
    items: tuple[LetterItem, ...]
    shop_name: str
    shop_url: str
    to_shop: str
    """The words of the link to the shop."""
    why: str
    """Why somebody gets this mail."""
    user_id: str
    campaign: str
    segment: str
    coupon_tier: str
    """Empty for none."""


class Addresses(Protocol):
    """Where the places of one mail lead."""

    def click(self, slot: int) -> str:
        """Return the address to follow; empty for none."""
        ...

    def image(self, slot: int) -> str:
        """Return the address of the picture; empty for none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What a letter says of the shop."""

    name: str
    url: str
    """Its home page; empty where it is not known."""
    currency: str
    language: str


def letter_of(sent: Sent, shop: Shop, addresses: Addresses, *, campaign: str, day: date) -> Letter:
    """Return the letter of a recipient; `day` is that of the send, from which it is reckoned what is due."""
    items = tuple(
        LetterItem(
            item_id=pick.item.item_id,
            title=one_line(pick.item.title or pick.item.item_id),
            category=one_line(pick.item.category),
            price="" if pick.item.price is None else price_text(pick.item.price, shop.currency, shop.language),
            reason=_reason_of(pick, shop.language, day),
            url=web_address(addresses.click(slot)),
            image_url=addresses.image(slot),
        )
        for slot, pick in enumerate(sent.picks)
    )
    codes = [pick.reason.label for pick in sent.picks]
    return Letter(
        **_around(shop, heading_of(codes, shop.language, is_personal=sent.is_personal)),
        items=items,
        user_id=sent.user_id,
        campaign=campaign,
        segment=sent.segment.label,
        coupon_tier=sent.coupon_tier,
    )


def letter_of_slate(slate: Mapping[str, Any], shop: Shop, addresses: Addresses, *, segment: str, day: date) -> Letter:
    """Return the letter that would be sent now: `slate` is an answer of the API for the placement `email`."""
    items = tuple(
        LetterItem(
            item_id=item["item_id"],
            title=one_line(item["title"] or item["item_id"]),
            category=one_line(item["category"]),
            price="" if item["price"] is None else price_text(item["price"], shop.currency, shop.language),
            reason=_reason_of_slate(item, shop.language, day),
            url=web_address(addresses.click(slot)),
            image_url=addresses.image(slot),
        )
        for slot, item in enumerate(slate["items"])
    )
    codes = [item["reason"]["code"] for item in slate["items"] if item["reason"]]
    is_personal = not slate["source"].startswith("popular")
    return Letter(
        **_around(shop, heading_of(codes, shop.language, is_personal=is_personal)),
        items=items,
        user_id=slate["user_id"] or "",
        campaign="",
        segment=segment,
        coupon_tier="",
    )


def heading_of(codes: Sequence[str], language: str, *, is_personal: bool) -> str:
    """Return what a mail says above its items: it claims no more than they keep.

    >>> heading_of(["buy_again"], "en", is_personal=True), heading_of(["popular"], "zh", is_personal=False)
    ('Buy again', '当前热门')
    """
    if codes and all(code == ReasonCode.BUY_AGAIN.label for code in codes):
        return say(language, "heading_reorder", {}) or ""
    return say(language, "heading_home" if is_personal else "heading_popular", {}) or ""


def one_line(text: str) -> str:
    r"""Return `text` as one line that ends where it ends, whatever it holds.

    >>> one_line("Tea\r\nhttps://evil.example\u202e")
    'Tea https://evil.example'
    """
    kept = (" " if unicodedata.category(sign) == "Cc" else sign for sign in text if sign not in _BIDI)
    return " ".join("".join(kept).split())


def _around(shop: Shop, heading: str) -> dict[str, str]:
    words = WORDS[shop.language]
    return {
        "language": shop.language,
        "heading": heading,
        "shop_name": shop.name,
        "shop_url": shop.url,
        "to_shop": words["shop"].format_map({"shop": shop.name}),
        "why": words["why"].format_map({"shop": shop.name}),
    }


def _reason_of(pick: SentPick, language: str, day: date) -> str:
    rests_on = "" if pick.rests_on is None else pick.rests_on.title or pick.rests_on.item_id
    return _reason(pick.reason.label, rests_on, pick.item.category, (pick.due_on, day), language)


def _reason_of_slate(item: Mapping[str, Any], language: str, day: date) -> str:
    reason = item["reason"]
    if reason is None:
        return ""
    due_on = date.fromisoformat(reason["due_on"]) if reason["due_on"] else None
    return _reason(reason["code"], reason["item_title"] or reason["item_id"], item["category"], (due_on, day), language)


def _reason(code: str, rests_on: str | None, category: str, due: tuple[date | None, date], language: str) -> str:
    due_on, day = due
    written = ""
    if due_on is not None and due_on <= day + FAR:
        code, written = ("due_later", day_text(due_on, language)) if due_on > day + SOON else ("due_now", "")
    values = {"title": one_line(rests_on or ""), "category": one_line(category), "date": written}
    said = say(language, f"because_{code}", values)
    return (say(language, "because_popular", {}) or "") if said is None else said
