"""Pictures for items whose catalogue names none, drawn on request.

An unknown item gets a picture too: a shelf shows no broken images. It is kept for a minute only,
because the item may enter the catalogue at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response

from recommender.catalogue import Item
from serving.pictures import picture_svg
from serving.routes.web import matches
from serving.web import etag_of

router = APIRouter(prefix="/v1/items", tags=["items"])

FOR_LONG = "public, max-age=86400, immutable"
"""A day: titles and categories seldom change, and the picture of an old title does no harm."""

BRIEFLY = "public, max-age=60"

FindItem = Callable[[str], Item | None]


def find_item(request: Request) -> FindItem:
    """Return the app's view of its items, live changes included."""
    finder: FindItem = request.app.state.find_item
    return finder


@router.get(
    "/{item_id:path}/picture.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}, 304: {"description": "You have it already."}},
)
def picture(
    item_id: str,
    find: Annotated[FindItem, Depends(find_item)],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Draw the item from its category and title."""
    item = find(item_id)
    known = item or Item(item_id=item_id)
    content = picture_svg(known.title or item_id, known.category, known.department).encode("utf-8")
    etag = etag_of(content)
    headers = {
        "Cache-Control": FOR_LONG if item else BRIEFLY,
        "Content-Security-Policy": "default-src 'none'",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": etag,
        "X-Content-Type-Options": "nosniff",
    }
    if matches(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="image/svg+xml", headers=headers)
