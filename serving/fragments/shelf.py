"""Drawing a slate as one ``<section>``, with the words, classes and order of the widget.

A template gets what is ready to be shown: texts in one language, prices and days written out, addresses that are safe
to link to. It escapes whatever it is given. Links are the catalogue's own, and carry nothing about who follows them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self

from jinja2 import Environment, FileSystemLoader, PackageLoader, StrictUndefined, Template, TemplateError

from recommender.errors import ConfigError
from serving.fragments.amounts import day_text, price_text
from serving.fragments.texts import language_of, say

TEMPLATE = "shelf.html.j2"
SOON = timedelta(days=3)
"""What is due no later than this is due now, as in the widget."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a shelf is to be drawn."""

    placement: str
    """As the page calls it; the slate's own may be another."""
    language: str
    heading: str | None
    heading_level: int
    base: str
    """What stands before addresses of pictures that this API draws."""


class Drawer:
    """Draws shelves by one template."""

    def __init__(self, template: Template) -> None:
        self._template = template

    @classmethod
    def of(cls, file: Path | None) -> Self:
        """Read a template, or the one beside this file.

        Raises
        ------
        ConfigError
            If it cannot be read, or is no template.
        """
        loader = PackageLoader(__package__ or "", "") if file is None else FileSystemLoader(file.parent)
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, auto_reload=False)
        try:
            return cls(environment.get_template(TEMPLATE if file is None else file.name))
        except (TemplateError, OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"fragments.template: {file} cannot be used ({type(error).__name__}: {error}); "
                "see docs/fragments.md for what a template gets"
            ) from error

    def draw(self, slate: Mapping[str, Any], look: Look) -> str:
        """Return the shelf as HTML; nothing if there is nothing to show."""
        if not slate["items"]:
            return ""
        heading = _heading(slate, look) if look.heading is None else look.heading
        items = [_card(item, slate, look) for item in slate["items"]]
        return self._template.render(
            heading=heading, heading_level=look.heading_level, items=items, slate=slate, language=look.language
        )


def look_of(
    placement: str, *, language: str = "", heading: str | None = None, heading_level: int = 2, base: str = ""
) -> Look:
    """Return how to draw a shelf in the language that speaks for a tag."""
    return Look(placement, language_of(language), heading, heading_level, base)


def _heading(slate: Mapping[str, Any], look: Look) -> str:
    """Say what the shelf is; one that had nothing personal or related to show does not claim to be either."""
    is_popular = slate["source"].startswith("popular") and look.placement != "bestsellers"
    return say(look.language, f"heading_{'popular' if is_popular else look.placement}", {}) or ""


def _card(item: Mapping[str, Any], slate: Mapping[str, Any], look: Look) -> dict[str, Any]:
    return {
        **item,
        "title": item["title"] or item["item_id"],
        "url": web_address(item["url"]),
        "image_url": _picture(item["image_url"], look.base),
        "price": _price(item, look.language),
        "reason": _reason(item, slate, look.language),
    }


def web_address(address: str) -> str:
    """Return an address that leads to a page, or nothing for anything else, such as ``javascript:``.

    >>> web_address("/item?id=7"), web_address("JavaScript:alert(1)"), web_address("item/7")
    ('/item?id=7', '', 'item/7')
    """
    # Browsers leave control characters out, so that a scheme may hide among them.
    if "\\" in address or any(unicodedata.category(char) == "Cc" for char in address):
        return ""
    before_path = address.partition("/")[0].partition("?")[0].partition("#")[0]
    has_scheme = ":" in before_path
    return "" if has_scheme and not address.lower().startswith(("https://", "http://")) else address


def _picture(address: str, base: str) -> str:
    safe = web_address(address)
    return f"{base}{safe}" if safe.startswith("/v1/") else safe


def _price(item: Mapping[str, Any], language: str) -> str:
    if not item["in_stock"]:
        return say(language, "soldOut", {}) or ""
    return "" if item["price"] is None else price_text(item["price"], item["currency"], language)


def _reason(item: Mapping[str, Any], slate: Mapping[str, Any], language: str) -> str:
    reason = item["reason"]
    if reason is None:
        return ""
    code, day = reason["code"], ""
    if reason["due_on"] is not None:
        code, day = _due(date.fromisoformat(reason["due_on"]), slate, language)
    values = {"title": reason["item_title"] or reason["item_id"], "category": item["category"], "date": day}
    said = say(language, f"because_{code}", values)
    return (say(language, "because_popular", {}) or "") if said is None else said


def _due(day: date, slate: Mapping[str, Any], language: str) -> tuple[str, str]:
    """Compare with the slate's own day, because a shop may replay an old log."""
    today = date.fromisoformat(slate["created_at"][:10])
    return ("due_later", day_text(day, language)) if day > today + SOON else ("due_now", "")
