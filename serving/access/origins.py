"""Origins of pages, written as browsers send them in the header ``Origin``: anything else would never match."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

ALL = "*"

_ORIGIN = re.compile(r"https?://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[0-9]+)?")
"""See https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def _origin(value: str) -> str:
    if not value.isascii():
        raise ValueError(f"{value[:80]!r} is not what a browser sends; write the host in Punycode (xn--…)")
    bare = value.lower().rstrip("/")
    if not _ORIGIN.fullmatch(bare) or not _has_possible_port(bare):
        raise ValueError(f"{value[:80]!r} is no origin; write scheme and host alone, such as https://shop.example")
    return bare.removesuffix(_DEFAULT_PORTS[bare.partition(":")[0]])


def _origin_or_all(value: str) -> str:
    return value if value == ALL else _origin(value)


def _has_possible_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


Origin = Annotated[str, AfterValidator(_origin)]
"""Scheme, host and port of a page."""
OriginOrAll = Annotated[str, AfterValidator(_origin_or_all)]
"""The same, or an asterisk for every page there is."""
