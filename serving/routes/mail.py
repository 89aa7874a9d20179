"""`GET /l/{token}` and `GET /i/{picture}`: what the links and pictures of a mail lead to when they are opened.

Whoever opens a mail is a shopper, not a program: every link ends on a page of the shop, every picture is a picture.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from recommender.slate import Placement
from serving.campaigns.opening import Offered, Opening, Outcome
from serving.campaigns.robots import is_person
from serving.campaigns.shown import BLANK, drawn
from serving.routes.web import matches
from serving.state import StateDep
from serving.web import etag_of

SOURCE = "mail"
"""Of the events that links report."""

HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
"""Nobody keeps where a link led, for tomorrow it may lead elsewhere."""
PICTURE_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'",
    "X-Robots-Tag": "noindex, nofollow",
}
"""A copy is asked about again before it is shown."""

TOKEN = "What stands behind /l/ in a mail."  # noqa: S105  a description
PICTURE = "The same with .png or .svg behind it."

router = APIRouter(tags=["mail"])

_log = logging.getLogger(__name__)


def opening_of(request: Request) -> Opening:
    """Return what opens mail in this app."""
    opening: Opening = request.app.state.opening
    return opening


@router.head("/l/{token:path}", include_in_schema=False)
@router.get(
    "/l/{token:path}",
    status_code=302,
    response_class=Response,
    summary="Follow a link of a mail",
    responses={302: {"description": "To the item's page, or to the shop's home page; never an error."}},
)
async def follow(request: Request, state: StateDep, token: Annotated[str, Path(description=TOKEN)]) -> Response:
    """Lead to the page of the item that a place of a mail offers now, and report the click."""
    opening = opening_of(request)
    offered = await opening.open(token, state)
    if isinstance(offered, Outcome):
        state.metrics.mail_opened.labels("link", offered).inc()
        return _to(opening.landing.home)
    state.metrics.mail_opened.labels("link", offered.outcome).inc()
    if is_person(request.method, request.headers):
        if opening.pace.allows((offered.send.key, offered.sent.number)):
            await _report(offered, token, state)
    else:
        state.metrics.mail_robots.inc()
    return _to(opening.landing.page_of(offered.live.item))


@router.head("/i/{picture:path}", include_in_schema=False)
@router.get(
    "/i/{picture:path}",
    response_class=Response,
    summary="A picture in a mail",
    responses={
        200: {"content": {"image/png": {}, "image/svg+xml": {}}, "description": "A drawn picture, or an empty one."},
        302: {"description": "To the shop's own picture of the item."},
        304: {"description": "You have it already."},
    },
)
async def look(
    request: Request,
    state: StateDep,
    picture: Annotated[str, Path(description=PICTURE)],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Show the item that a place of a mail offers now. Nothing is reported: a picture that is loaded is no view."""
    opening = opening_of(request)
    token, _, kind = picture.rpartition(".")
    offered = await opening.open(token, state)
    state.metrics.mail_opened.labels("picture", offered if isinstance(offered, Outcome) else offered.outcome).inc()
    if isinstance(offered, Outcome):
        return Response(BLANK, headers=PICTURE_HEADERS, media_type="image/png")
    own = opening.landing.own(offered.live.item.image_url)
    if own is not None:
        return _to(own)
    content, media_type = await drawn(offered.live.item, kind)
    headers = {**PICTURE_HEADERS, "ETag": etag_of(content)}
    if matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def _to(address: str) -> Response:
    return Response(status_code=302, headers={**HEADERS, "Location": address})


async def _report(offered: Offered, token: str, state: StateDep) -> None:
    """Keep a click as a storefront would report it: of each link, one a day."""
    day = state.clock.wall().date().isoformat()
    event = {
        "event": "click",
        "event_id": f"mail-{hashlib.sha256(f'{token} {day}'.encode()).hexdigest()[:32]}",
        "user_id": offered.sent.user_id,
        "item_id": offered.live.item.item_id,
        "slate_id": offered.sent.slate_id,
        "placement": Placement.EMAIL.value,
        "rank": offered.slot + 1,
        "source": SOURCE,
        "campaign": offered.send.campaign,
    }
    if offered.sent.group is not None:
        event["variant"] = offered.sent.group.variant
    try:
        await state.ingest.take([event], as_of=state.service.engine.model.as_of)
    except OSError as error:  # the shopper gets where they were going all the same
        _log.error("a click in a mail could not be written down: %s", error)
