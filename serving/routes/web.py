"""The widget: one file, which any page may load, so it is shared across origins."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from serving import web

router = APIRouter(include_in_schema=False)

WIDGET_SECONDS = 300
"""How long a browser keeps the widget before it asks again: an upgrade reaches every page within minutes."""

IfNoneMatch = Annotated[str | None, Header()]


@router.head("/widget.js")
@router.get("/widget.js")
def widget(if_none_match: IfNoneMatch = None, accept_encoding: Annotated[str, Header()] = "") -> Response:
    """Send the custom element `<regulars-shelf>` as one ES module, compressed for those who take that."""
    headers = {
        "Cache-Control": f"public, max-age={WIDGET_SECONDS}",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Vary": "Accept-Encoding",
    }
    if takes_gzip(accept_encoding):
        return _send(web.zipped(web.WIDGET), if_none_match, headers | {"Content-Encoding": "gzip"})
    return _send(web.asset(web.WIDGET), if_none_match, headers)


def _send(asset: web.Asset, if_none_match: str | None, headers: dict[str, str]) -> Response:
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "ETag": asset.etag} | headers
    if matches(if_none_match, asset.etag):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def takes_gzip(accept_encoding: str) -> bool:
    """Say whether a client takes gzip (RFC 9110, section 12.5.3); quality zero means that it does not."""
    for offered in accept_encoding.lower().split(","):
        coding, _, weight = offered.replace(" ", "").partition(";")
        if coding == "gzip":
            return not re.fullmatch(r"q=0(\.0*)?", weight)
    return False


def matches(if_none_match: str | None, etag: str) -> bool:
    """Say whether the browser already holds this version (RFC 9110, weak comparison)."""
    held = (tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(","))
    return any(tag in (etag, "*") for tag in held)
