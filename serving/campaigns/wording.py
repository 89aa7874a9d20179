"""Reasons and prices in words, for a reader instead of a program.

The API states reasons as data and leaves the words to the storefront. A mail has no program in it, so its file
carries the words, in English; `reason_words` is the one place that knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from recommender.candidates import ReasonCode
from recommender.slate import Reason

DIGITS: Mapping[str, int] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""Digits after the decimal point where there are not two (ISO 4217)."""

FAR = timedelta(days=28)
"""From now: a mail that named a later day would tell its reader not to buy now."""

_PLAIN = {
    ReasonCode.POPULAR: "Popular with other customers",
    ReasonCode.POPULAR_IN_CATEGORY: "Popular in its category",
    ReasonCode.TRENDING: "Selling better than usual",
    ReasonCode.BUY_AGAIN: "Time to buy it again",
    ReasonCode.FAVOURITE_CATEGORY: "From a category you like",
    ReasonCode.BECAUSE_YOU_BOUGHT: "Because of what you bought",
    ReasonCode.BOUGHT_TOGETHER: "Goes with what you bought",
    ReasonCode.SIMILAR_TO: "Similar to what you looked at",
}
_ANCHORED = {
    ReasonCode.BECAUSE_YOU_BOUGHT: "Because you bought {title}",
    ReasonCode.BOUGHT_TOGETHER: "Often bought together with {title}",
    ReasonCode.SIMILAR_TO: "Similar to {title}",
}


def reason_words(reason: Reason, *, title_of: Callable[[str], str], today: date) -> str:
    """Say why an item is offered; `title_of` returns an item's title, or nothing if it has none."""
    title = title_of(reason.item_id) if reason.item_id is not None else ""
    if title and reason.code in _ANCHORED:
        return _ANCHORED[reason.code].format_map({"title": title})
    if reason.code is ReasonCode.BUY_AGAIN and reason.due_on is not None and reason.due_on > today:
        is_soon = reason.due_on <= today + FAR
        return f"You will need it again around {reason.due_on.day} {reason.due_on:%B}" if is_soon else "Buy it again"
    return _PLAIN[reason.code]


def price_words(price: float | None, currency: str) -> str:
    """Write an amount with the digits its currency has and no symbol; nothing where it is unknown.

    >>> price_words(3.5, "EUR"), price_words(300, "JPY"), price_words(None, "EUR")
    ('3.50', '300', '')
    """
    return "" if price is None else f"{price:.{DIGITS.get(currency, 2)}f}"
