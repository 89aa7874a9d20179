"""What goes wrong with a fragment leaves a gap in the page, never an error in it.

The status stays what it is, and the header ``X-Problem`` tells the code; the body is empty, because whoever includes it
writes it into somebody's page as it comes.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FRAGMENTS = "/v1/fragments/"
HEADER = "X-Problem"
MEDIA_TYPE = "text/html; charset=utf-8"

_PROBLEM = b"application/problem+json"


class BlankFragments:
    """Empties the bodies of fragments that failed, whatever answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_fragment = scope["type"] == "http" and scope["path"].startswith(FRAGMENTS)
        await self._app(scope, receive, blank_on_failure(send) if is_fragment else send)


def blank_on_failure(send: Send) -> Send:
    """Return how to send an answer whose body is empty if it is a problem."""
    started: Message | None = None

    async def send_blank(message: Message) -> None:
        nonlocal started
        if message["type"] == "http.response.start" and _is_problem(message["headers"]):
            started = message
        elif started is None:
            await send(message)
        else:
            await send(_emptied(started, message.get("body", b"")))
            await send({"type": "http.response.body", "body": b""})

    return send_blank


def _is_problem(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(_PROBLEM) for name, value in headers)


def _emptied(start: Message, problem: bytes) -> Message:
    """Return the beginning of an answer without the problem that it was to hold."""
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["Content-Type"], headers["Content-Length"] = MEDIA_TYPE, "0"
    headers["Cache-Control"] = "no-store"
    headers[HEADER] = orjson.loads(problem)["code"]
    return {**start, "headers": headers.raw}
