"""The files beside the pages: styles, the script, the icon."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from serving.web import Asset, etag_of

ASSETS = {
    "favicon.svg": "image/svg+xml",
    "shop.css": "text/css; charset=utf-8",
    "shop.js": "text/javascript; charset=utf-8",
}
"""All there are, and what each is; nothing else can be asked for."""


@cache
def asset(name: str) -> Asset:
    """Read one of `ASSETS`."""
    content = files("serving.shop").joinpath("static", name).read_bytes()
    return Asset(content, ASSETS[name], etag_of(content))
