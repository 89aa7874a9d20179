"""The pages about mail: sends, one customer's mail in a frame, and what is in the frame."""

from __future__ import annotations

import enum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from recommender.errors import StoreUnavailable
from recommender.ids import id_problem
from serving.console.mail import MAX_SENDS, Shown
from serving.console.visit import HEADERS, PATH, POLICY, Visit, VisitDep

router = APIRouter(prefix=f"{PATH}/mail", include_in_schema=False)

NOW = "now"
"""In the place of a send: what would be sent at this moment."""

FRAME_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data: {hosts}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
"""A mail styles itself, shows pictures of the shop, and may do nothing else, whatever its template holds."""


PAGE_POLICY = f"{POLICY}; frame-src 'self'"
"""Of the page around the frame."""


class Frame(enum.StrEnum):
    """How wide a mail is shown."""

    PHONE = "phone"
    DESKTOP = "desktop"


@router.get("")
async def mail(visit: VisitDep) -> Response:
    """List the last sends, and ask for a customer."""
    return await visit.page("mail.html.j2", {**await _around(visit), "problem": None, "user_id": "", "chosen": NOW})


@router.get("/of")
async def mail_of(
    visit: VisitDep,
    user_id: Annotated[str, Query()] = "",
    send: Annotated[str, Query(max_length=100)] = NOW,
    frame: Frame = Frame.PHONE,
) -> Response:
    """Show the mail of one customer."""
    around = await _around(visit)
    values: dict[str, Any] = {**around, "user_id": user_id[:600], "chosen": send}
    if (problem := id_problem(user_id)) is not None:
        return await visit.page("mail.html.j2", {**values, "problem": problem}, status=400)
    visit.note("a customer's mail was looked at")
    shown = await _shown(visit, user_id, send)
    if shown is None:
        return await visit.page("erased.html.j2", {"user_id": user_id})
    query = {"user_id": user_id, "send": send}
    values |= {"shown": shown, "frame": frame.value, "asked": query}
    return await visit.page("mail-of.html.j2", values, policy=PAGE_POLICY)


@router.get("/shown")
async def shown(
    visit: VisitDep, user_id: Annotated[str, Query()] = "", send: Annotated[str, Query(max_length=100)] = NOW
) -> Response:
    """Send the mail itself, for the frame of the page above."""
    found = None if id_problem(user_id) else await _shown(visit, user_id, send)
    if found is None or found.mail is None:
        return await visit.page("missing.html.j2", {"page": "mail/shown"}, status=404)
    policy = FRAME_POLICY.format(hosts=" ".join(visit.console.mail.landing.hosts))
    headers = {**HEADERS, "Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"}
    return Response(found.mail.html, headers=headers, media_type="text/html")


async def _around(visit: Visit) -> dict[str, Any]:
    listed = await visit.console.work(visit.console.mail.listed)
    return {"sends": listed, "max_sends": MAX_SENDS, "now": NOW}


async def _shown(visit: Visit, user_id: str, send: str) -> Shown | None:
    """Return a customer's mail, or why there is none; None for somebody who asked to be forgotten."""
    console, state = visit.console, visit.state
    if user_id in state.erasures or await _is_erased(visit, user_id):
        return None
    if send != NOW:
        found = await console.work(lambda: console.mail.find(send))
        if found is None:
            return Shown(why_not=f"there is no send {send!r}")
        return await console.work(lambda: console.mail.of_send(found, user_id))
    engine = state.holder.engine
    if engine is None:
        return Shown(why_not="no model is served yet")
    body = await console.mail.now(state, user_id)
    if isinstance(body, str):
        return Shown(why_not=body)
    return await console.work(lambda: console.mail.of_now(body, state, engine, user_id))


async def _is_erased(visit: Visit, user_id: str) -> bool:
    """Ask the store too: another process may have been told a moment ago."""
    try:
        return (await visit.state.stores.slates.read_user(user_id, version=None)).erased
    except StoreUnavailable:
        return False
