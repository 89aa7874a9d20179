"""What every request and every answer goes through: ids checked, headers set, time taken.

Ids in addresses may hold anything a shop uses: slashes, colons, spaces, 空. They arrive percent-decoded; only what
could corrupt a log or a key is refused.
"""

from __future__ import annotations

import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.ids import id_problem
from serving import request_ids
from serving.access.user_tokens import DOUBT
from serving.access.user_tokens import HEADER as USER_TOKEN
from serving.metrics import Metrics, method_label
from serving.patience import Patience
from serving.problems import Code, Problem, too_large

BODY_SECONDS = 20.0
"""For a body to arrive whole: a slow client holds a connection for so long and no longer."""
MAX_VALUES = 100_000
"""Commas and opening brackets of a body; a thousand events or items with every field have fifteen thousand."""
_BETWEEN_VALUES = (b",", b"[", b"{")

SOURCE = "regulars.source"
"""Scope key under which a route leaves the source of its slate, for the metrics."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "cross-origin",
}

FIXED_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
"""The same as an ASGI message holds them."""


def checked_id(value: str, *, what: str) -> str:
    """Return an id from an address.

    Raises
    ------
    Problem
        400, if it can be no id.
    """
    if problem := id_problem(value):
        raise Problem(400, Code.INVALID_ID, f"{what} {value[:40]!r} cannot be an id: {problem}")
    return value


class BodyLimit:
    """Refuses bodies that are too long (announced or not), hold too many values, take too long to come or are no UTF-8.

    Values are counted by their commas and brackets, those inside texts included: cheap, and far above what a request of
    the documented size has. How deep values may be nested, the JSON parsers limit themselves. A zero byte betrays
    UTF-16 and UTF-32, which some parsers read and others do not; in the UTF-8 of JSON there is none (RFC 8259, 8.1).
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, patience: Patience) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            await too_large()(scope, receive, send)
            return
        await self._app(scope, self._limited(receive), send)

    def _limited(self, receive: Receive) -> Receive:
        received = values = 0
        deadline = self._patience.deadline()
        is_coming = True

        async def receive_at_most() -> Message:
            nonlocal received, values, is_coming
            if not is_coming:  # nothing is left but to hear that the client has gone
                return await receive()
            try:
                async with self._patience.until(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408) from None
            body = message.get("body", b"")
            received += len(body)
            values += sum(body.count(sign) for sign in _BETWEEN_VALUES)
            if received > self._max_bytes or values > MAX_VALUES:
                raise HTTPException(413)
            if b"\0" in body:
                raise HTTPException(422)
            is_coming = message.get("more_body", False)
            return message

        return receive_at_most


class Observed:
    """Counts and times requests, and sets the headers every answer has. A pure ASGI middleware: it buffers nothing."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500
        request_id = request_ids.of(dict(scope["headers"]).get(request_ids.HEADER_BYTES)).decode()
        request_ids.current.set(request_id)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers[request_ids.HEADER] = request_id
                if (doubt := scope.get(DOUBT)) is not None:
                    headers[USER_TOKEN] = doubt
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            source = scope.get(SOURCE, "")
            self._metrics.requests.labels(route, method_label(scope["method"]), str(status), source).inc()
            self._metrics.latency.labels(route).observe(time.perf_counter() - started)
