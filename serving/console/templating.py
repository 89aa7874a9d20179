"""The pages' templates: what they show is text, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import jinja2

from serving.console import words


def environment(*, shop_name: str, currency: str) -> jinja2.Environment:
    """Return what renders pages."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("serving.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"shop_name": shop_name, "currency": currency}
    filters: dict[str, Callable[..., Any]] = {
        "number": words.number,
        "percent": words.percent,
        "moment": words.moment,
        "day": words.day,
        "age": words.age,
        "words": words.in_words,
        "money": lambda value: words.money(value, currency),
        "count": words.count,
        "days": words.days,
        "query": urlencode,
    }
    made.filters |= filters
    return made
