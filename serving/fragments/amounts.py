"""Prices and days as the widget writes them: as ``Intl`` does in English and in Chinese (Unicode CLDR).

Both put a currency's sign in front, group by thousands and write a point, so a table of signs is all that is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from serving.campaigns.wording import DIGITS

_SPACE = "\u00a0"
_SIGNS: Mapping[str, str] = {
    "AUD": "A$",
    "BRL": "R$",
    "CAD": "CA$",
    "CNY": "CN¥",
    "EUR": "€",
    "GBP": "£",
    "HKD": "HK$",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "¥",
    "KRW": "₩",
    "MXN": "MX$",
    "NZD": "NZ$",
    "PHP": "₱",
    "TWD": "NT$",
    "USD": "$",
    "VND": "₫",
    "XAF": "FCFA",
    "XCD": "EC$",
}
_IN_CHINESE: Mapping[str, str] = {"AUD": "AU$", "CNY": "¥", "JPY": "JP¥", "PHP": "PHP", "USD": "US$"}
_WHOLE = frozenset(
    [
        "AFN",
        "ALL",
        "COP",
        "HUF",
        "IDR",
        "IQD",
        "IRR",
        "KPW",
        "LAK",
        "LBP",
        "MGA",
        "MMK",
        "PKR",
        "SLL",
        "SOS",
        "SYP",
        "YER",
    ]
)
"""Currencies whose smaller unit exists (ISO 4217) and is not used, by CLDR."""
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def price_text(price: float, currency: str, language: str) -> str:
    """Write a price.

    >>> price_text(1234.5, "EUR", "en"), price_text(3, "USD", "zh"), price_text(99.5, "JPY", "en")
    ('€1,234.50', 'US$3.00', '¥100')
    """
    digits = 0 if currency in _WHOLE else DIGITS.get(currency, 2)
    rounded = Decimal(repr(price)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    sign = _SIGNS.get(currency, currency)
    if language == "zh":
        sign = _IN_CHINESE.get(currency, sign)
    return f"{sign}{_SPACE if sign[-1:].isalpha() else ''}{rounded:,}"


def day_text(day: date, language: str) -> str:
    """Write a day of this year.

    >>> day_text(date(2018, 1, 3), "en").split(), day_text(date(2018, 1, 3), "zh")
    (['Jan', '3'], '1月3日')
    """
    if language == "zh":
        return f"{day.month}月{day.day}日"
    return f"{_MONTHS[day.month - 1]}{_SPACE}{day.day}"
