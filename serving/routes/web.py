"""The widget and the demo shop: static files, and the one list the shop page asks for.

Pages and scripts carry a strict Content-Security-Policy: nothing inline, nothing from elsewhere but pictures.
The widget may be loaded from any page, so it alone is shared across origins.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from serving import web
from serving.web.shop import Household, ShopPage

router = APIRouter(include_in_schema=False)

WIDGET_SECONDS = 300
"""How long a browser keeps the widget before it asks again: an upgrade reaches every page within minutes."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

IfNoneMatch = Annotated[str | None, Header()]


class ShopData(BaseModel):
    """What the shop page shows around the shelves."""

    name: str
    households: tuple[Household, ...]


def shop_page(request: Request) -> ShopPage:
    """Return the page's data as the app holds it."""
    page = getattr(request.app.state, "shop", None)
    return page if isinstance(page, ShopPage) else ShopPage()


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


@router.get("/")
def front_door() -> RedirectResponse:
    """Lead a visitor to the shop; the address is relative, so that it holds behind a path prefix."""
    return RedirectResponse("shop")


@router.head("/shop")
@router.get("/shop")
def shop(if_none_match: IfNoneMatch = None) -> Response:
    """Send the demo shop page."""
    headers = {
        "Content-Security-Policy": PAGE_POLICY,
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "SAMEORIGIN",
    }
    return _send(web.asset(web.SHOP_PAGE), if_none_match, headers)


@router.get("/shop/assets/{name}")
def shop_asset(name: str, if_none_match: IfNoneMatch = None) -> Response:
    """Send a script, style or drawing of the shop page."""
    if name not in web.SHOP_ASSETS:
        raise HTTPException(404, f"the shop has no asset {name!r}")
    return _send(web.asset(name), if_none_match, {})


@router.get("/shop/households.json")
def shop_data(page: Annotated[ShopPage, Depends(shop_page)]) -> ShopData:
    """Send the shop's name and the households a visitor may shop as."""
    return ShopData(name=page.name, households=page.households())


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
