"""A line per request, if the settings ask for it: what was asked for, not by whom or about what.

The route stands where others write the address, which names users and items; neither the client's address nor what it
says about itself is written. Without the setting nothing of this runs.
"""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import request_ids
from serving.front.hot import HotAddresses
from serving.logs import FIELDS
from serving.metrics import method_label

_log = logging.getLogger(__name__)


class AccessLog:
    """Wraps everything that answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._hot = HotAddresses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and say so."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status, request_id = 500, ""

        async def send_and_note(message: Message) -> None:
            nonlocal status, request_id
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {bytes(name).lower(): bytes(value) for name, value in message.get("headers", ())}
                request_id = headers.get(request_ids.HEADER_BYTES, b"").decode("latin-1")
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            seconds = time.perf_counter() - started
            self._note(method_label(scope["method"]), self._route(scope), status, seconds, request_id=request_id)

    def _route(self, scope: Scope) -> str:
        hot = self._hot.read(scope["path"], scope["query_string"])
        return hot.route if hot is not None else getattr(scope.get("route"), "path", "none")

    def _note(self, method: str, route: str, status: int, seconds: float, *, request_id: str) -> None:
        fields = {"method": method, "route": route, "status": status, "seconds": round(seconds, 6)}
        token = request_ids.current.set(request_id)
        _log.info("answered", extra={FIELDS: fields})
        request_ids.current.reset(token)
