"""Numbers, moments and reasons as people read them, in English."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime

import numpy as np

from serving.campaigns.wording import DIGITS

UNKNOWN = "–"
UNBROKEN = "\u00a0"
"""Between a number and its unit: no line ends there."""

_REASONS: Mapping[str, str] = {
    "popular": "Popular with other customers",
    "popular_in_category": "Popular in its category",
    "trending": "Selling better than usual",
    "buy_again": "They bought it before",
    "because_you_bought": "Because of what they bought",
    "bought_together": "Goes with what they bought",
    "similar_to": "Similar to what they looked at",
    "favourite_category": "From a category they like",
}
_WITH_ITEM: Mapping[str, str] = {
    "because_you_bought": "Because they bought {title}",
    "bought_together": "Often bought together with {title}",
    "similar_to": "Similar to {title}",
}
_AGES = ((86_400 * 365, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def reason_words(code: str, title: str | None, due_on: date | None, *, today: date, orders: int | None = None) -> str:
    """Say why an item is offered, to somebody who is not the customer; `orders` is how often they bought it, if known.

    >>> reason_words("because_you_bought", "Oat milk", None, today=date(2018, 1, 2))
    'Because they bought Oat milk'
    >>> reason_words("buy_again", None, date(2018, 1, 9), today=date(2018, 1, 2))
    'They bought it before; expected around 9 January'
    >>> reason_words("buy_again", None, None, today=date(2018, 1, 2), orders=1)
    'They bought it once'
    """
    if title and code in _WITH_ITEM:
        return _WITH_ITEM[code].format_map({"title": title})
    words = f"They bought it {times(orders)}" if code == "buy_again" and orders else _REASONS.get(code, in_words(code))
    if due_on is None:
        return words
    return f"{words}; {'was ' * (due_on < today)}expected around {due_on.day} {due_on:%B}"


def times(value: int) -> str:
    """Return how often something was done.

    >>> times(1), times(2), times(1200)
    ('once', 'twice', '1,200 times')
    """
    return {1: "once", 2: "twice"}.get(value, f"{value:,} times")


def days(value: float | None) -> str:
    """Return a number of days.

    >>> days(12.7), days(0.3), days(None)
    ('12 days', 'less than a day', '–')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return count(int(value), "day") if value >= 1 else "less than a day"


def in_words(label: str) -> str:
    """Return a name of the API as words."""
    return label.replace("_", " ")


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with separators of thousands.

    >>> number(1234567), number(0.125, 3), number(None), number(-3)
    ('1,234,567', '0.125', '–', '−3')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:,.{digits}f}".replace("-", "−")


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share.

    >>> percent(0.0123).split(), percent(None)
    (['1.2', '%'], '–')
    """
    return UNKNOWN if value is None or not math.isfinite(value) else f"{number(100 * value, digits)}{UNBROKEN}%"


def money(value: float | None, currency: str) -> str:
    """Return an amount with the digits its currency has.

    >>> money(1234.5, "EUR").split(), money(1200, "JPY").split()
    (['1,234.50', 'EUR'], ['1,200', 'JPY'])
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{number(value, DIGITS.get(currency, 2))}{UNBROKEN}{currency}"


def moment(value: np.datetime64 | datetime | int | None) -> str:
    """Return a moment to the minute, UTC; a whole number is seconds since 1970.

    >>> moment(np.datetime64("2018-01-01T04:01:21")), moment(None)
    ('2018-01-01 04:01', '–')
    """
    found = _datetime(value)
    return UNKNOWN if found is None else f"{found:%Y-%m-%d %H:%M}"


def day(value: np.datetime64 | datetime | int | None) -> str:
    """Return the day of a moment, UTC.

    >>> day(0)
    '1970-01-01'
    """
    found = _datetime(value)
    return UNKNOWN if found is None else f"{found:%Y-%m-%d}"


def age(seconds: float | None) -> str:
    """Return how long ago something was, in the largest unit that is whole.

    >>> age(7_300), age(1), age(0.2), age(None)
    ('2 hours', '1 second', 'just now', '–')
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    for length, unit in _AGES:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count:,} {unit}{'s' * (count != 1)}"
    return "just now"


def count(value: int, what: str, many: str | None = None) -> str:
    """Return a count with its noun.

    >>> count(1, "item"), count(0, "item"), count(2, "query", "queries")
    ('1 item', '0 items', '2 queries')
    """
    return f"{value:,} {what if value == 1 else many or what + 's'}"


def _datetime(value: np.datetime64 | datetime | int | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    seconds = int(value.astype("datetime64[s]").astype(np.int64)) if isinstance(value, np.datetime64) else value
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
