"""`GET /v1/fragments/{placement}`: a shelf as HTML, for pages that run no script."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from recommender.slate import Placement
from serving.access.visitors import Visitors
from serving.fragments.blank import MEDIA_TYPE
from serving.fragments.looks import stylesheet
from serving.fragments.shelf import Drawer, look_of
from serving.problems import Code, Problem, documented
from serving.questions import Question
from serving.routes.web import matches
from serving.schemas import MAX_SEEDS, Limit
from serving.security import SOURCE, checked_id
from serving.state import state_of
from serving.web import etag_of

DEFAULT_LIMIT = 8
SLATE_ID = "X-Slate-Id"

LOOKS_SECONDS = 300
"""How long a browser keeps the stylesheet before it asks again, as the widget."""

router = APIRouter()

_log = logging.getLogger(__name__)
_HOST = re.compile(r"[\w.:\[\]-]+", re.ASCII)


class Shelf(StrEnum):
    """The widget's placements."""

    HOME = "home"
    PRODUCT = "product"
    BOUGHT_TOGETHER = "bought-together"
    CART = "cart"
    REORDER = "reorder"
    TRENDING = "trending"
    BESTSELLERS = "bestsellers"


_ABOUT_AN_ITEM = frozenset({Shelf.PRODUCT, Shelf.BOUGHT_TOGETHER})


class FragmentChoices(BaseModel):
    """The query parameters of a fragment: the widget's attributes."""

    model_config = ConfigDict(frozen=True)

    user: str = Field(default="", description="The shop's id of the signed-in user.")
    anonymous_id: str = Field(default="", description="The guest; beside user, the one they were until now.")
    personal: bool = Field(default=True, description="false: answer as for a guest nothing is known of.")
    item: str = Field(default="", description="The item on the page.")
    items: str = Field(default="", description="Items in the cart or looked at: a,b,c or a JSON array.")
    limit: Limit = DEFAULT_LIMIT
    category: str = Field(default="", max_length=500, description="Only this category.")
    heading: str | None = Field(default=None, max_length=500, description="Instead of the one by placement.")
    heading_level: int = Field(default=2, ge=1, le=6)
    lang: str = Field(default="", max_length=100, description="Language of texts, prices and days: en or zh.")


@router.head("/widget.css", include_in_schema=False)
@router.get("/widget.css", include_in_schema=False)
async def get_looks(if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Send the widget's looks as a stylesheet, for pages with fragments."""
    content = stylesheet()
    headers = {"Cache-Control": f"public, max-age={LOOKS_SECONDS}", "ETag": etag_of(content)}
    if matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="text/css; charset=utf-8", headers=headers)


@router.get(
    "/v1/fragments/{placement}",
    tags=["slates"],
    summary="A shelf as HTML",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {}}, "description": "One <section>, or nothing if there is nothing to show."},
        **documented(400, 500, 503),
    },
)
async def get_fragment(
    request: Request,
    placement: Annotated[Shelf, Path(description="Where the shelf is shown.")],
    choices: Annotated[FragmentChoices, Query()],
) -> Response:
    """Draw what the widget would draw. What goes wrong has its usual status, and an empty body."""
    question = _question(placement, choices)
    if question is None:
        return _sent("")
    look = look_of(
        placement.value,
        language=choices.lang,
        heading=choices.heading,
        heading_level=choices.heading_level,
        base=state_of(request.app).settings.fragments.public_url or _asked_host(request),
    )
    reply = await state_of(request.app).service.reply(Visitors(request).asking(question))
    request.scope[SOURCE] = reply.source
    drawer: Drawer = request.app.state.drawer
    slate = orjson.loads(reply.body)
    try:
        return _sent(drawer.draw(slate, look), {SLATE_ID: slate["slate_id"]})
    except Exception as error:
        _log.exception("a fragment could not be drawn")
        raise Problem(500, Code.INTERNAL_ERROR, "The template failed; the server's log says how.") from error


def _sent(content: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(content, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store", **(headers or {})})


def _question(shelf: Shelf, choices: FragmentChoices) -> Question | None:
    """Return what a shelf asks; None if it lacks what its placement needs. Raise `Problem` if an id can be none."""
    user_id = checked_id(choices.user, what="user") if choices.user and choices.personal else None
    guest = checked_id(choices.anonymous_id, what="anonymous_id") if choices.anonymous_id else None
    item = (checked_id(choices.item, what="item"),) if choices.item else ()
    items = tuple(checked_id(name, what="items:") for name in _listed(choices.items)[:MAX_SEEDS])
    viewed = {Shelf.HOME: items, Shelf.PRODUCT: item}.get(shelf, ())
    cart = {Shelf.CART: items, Shelf.BOUGHT_TOGETHER: item}.get(shelf, ())
    if (shelf in _ABOUT_AN_ITEM and not item) or (shelf is Shelf.REORDER and user_id is None):
        return None
    return Question(
        placement=Placement.CART if shelf is Shelf.BOUGHT_TOGETHER else Placement(shelf.value),
        user_id=user_id,
        anonymous_id=guest if choices.personal else None,
        limit=choices.limit,
        viewed=viewed,
        cart=cart,
        categories=(choices.category,) if choices.category else (),
    )


def _listed(written: str) -> list[str]:
    """Return ids that are written as a JSON array, or with commas between them."""
    if written.lstrip().startswith("["):
        with contextlib.suppress(ValueError):
            return [str(name) for name in orjson.loads(written)]
    return [name for part in written.split(",") if (name := part.strip())]


def _asked_host(request: Request) -> str:
    """Return the host that was asked, to be reached as the page is, with http or https; nothing if it is no host."""
    host = request.headers.get("host", "")
    return f"//{host}" if _HOST.fullmatch(host) else ""
