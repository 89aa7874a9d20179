"""Signing in with a key, and out again."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from serving.access.presented import header
from serving.console.console import console_of
from serving.console.door import Admission, is_from_elsewhere
from serving.console.holders import NEEDS
from serving.console.sessions import COOKIE, KEEP_SECONDS, SignedIn
from serving.console.visit import HEADERS, PATH, Visit, root_of
from serving.logs import FIELDS
from serving.problems import Code
from serving.state import state_of

router = APIRouter(prefix=PATH, include_in_schema=False)

MAX_BODY = 10_000
MAX_KEY = 200

_PAGE = re.compile(r"(customers?|versions|traffic|experiments)(\?[^#\s\\]*)?")
"""Where a sign-in may lead: an address with a host in it, or a way up, does not match."""

_log = logging.getLogger(__name__)

_WRONG = (
    "This key does not open the console. It takes a secret key (sk_…) with the scope operations that is neither "
    "revoked nor expired; the command regulars keys list shows those there are."
)


@router.get("/sign-in")
async def sign_in_form(request: Request) -> Response:
    """Ask for a key."""
    admission = console_of(request.app).door.admit(request)
    if admission.is_admitted:
        return _to(request, "")
    return await _form(request, admission, error=None)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Compare a key, and remember who has it."""
    console, access = console_of(request.app), state_of(request.app).access
    admission = console.door.admit(request)
    form = await _fields(request)
    then = form.get("then", "")
    if is_from_elsewhere(request):
        return await _form(request, admission, error="This form was sent by another site.", then=then)
    key = form.get("key", "").strip()[:MAX_KEY].encode()
    # The address was counted when the request came in; the key's own rate is counted here.
    refusal = access.refusal(key, origin=header(request.scope, b"origin"), address=None, needs=NEEDS)
    if refusal is not None and refusal.code is Code.RATE_LIMITED:
        return await _form(request, admission, error=refusal.detail, then=then, status=429, **refusal.headers)
    record = console.holders.by_key(key) if access.is_required else None
    if refusal is not None or record is None:
        _log.warning("somebody was not let into the console")
        return await _form(request, admission, error=_WRONG, then=then)
    _log.info("somebody signed in to the console", extra={FIELDS: {"key": record.key_id}})
    answer = _to(request, then if _PAGE.fullmatch(then) else "")
    _set(answer, console.sessions.cookie_of(SignedIn(record.key_id)), request, seconds=KEEP_SECONDS)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Forget who has a key."""
    answer = _to(request, "sign-in")
    if not is_from_elsewhere(request):
        _set(answer, "", request, seconds=0)
    return answer


def _set(answer: Response, cookie: str, request: Request, *, seconds: int) -> None:
    # Without a path the cookie holds below the console, wherever a proxy puts that.
    answer.set_cookie(
        COOKIE, cookie, seconds, path=None, secure=_is_encrypted(request), httponly=True, samesite="strict"
    )


def _to(request: Request, page: str) -> RedirectResponse:
    return RedirectResponse(root_of(request) + page if page else f"{root_of(request)}../console", 303, HEADERS)


async def _fields(request: Request) -> dict[str, str]:
    body = await request.body()
    if len(body) > MAX_BODY:
        return {}
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10))
    except ValueError:
        return {}


async def _form(
    request: Request,
    admission: Admission,
    *,
    error: str | None,
    then: str = "",
    status: int = 403,
    **headers: Any,
) -> Response:
    found = 200 if error is None else status
    answer = await Visit(request, admission).page("sign-in.html.j2", {"error": error, "then": then}, status=found)
    answer.headers.update(headers)
    return answer


def _is_encrypted(request: Request) -> bool:
    """Say whether the browser speaks TLS, to us or to a proxy; who says so falsely only loses their own cookie."""
    return "https" in (request.scope.get("scheme"), request.headers.get("x-forwarded-proto", "").split(",")[0].strip())
