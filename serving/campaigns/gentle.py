"""Whoever opens a mail never sees an error: where anything goes wrong, a link leads home, and a picture is empty.

That holds for what is refused in front of the routes, for a server with too much to do, and for mistakes of ours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access.scopes import FOLLOW, LOOK
from serving.campaigns.shown import BLANK

ERRORS = 400
"""Statuses from here on are errors (RFC 9110, section 15)."""

_READING = frozenset({"GET", "HEAD"})

_log = logging.getLogger(__name__)


class Gentle:
    """Answers in place of whatever failed."""

    def __init__(self, app: ASGIApp, *, home: Callable[[], str]) -> None:
        self._app = app
        self._home = home

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not is_of_mail(scope):
            await self._app(scope, receive, send)
            return
        sending = Gently(scope, receive, send, home=self._home())
        try:
            await self._app(scope, receive, sending)
        except Exception:
            if sending.has_begun:
                raise
            _log.exception("a link or picture of a mail failed")
            await sending.instead()


class Gently:
    """Sends an answer, or another one if that is an error."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, home: str) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._home = home
        self._is_replaced = False
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        """Send the next part."""
        if message["type"] == "http.response.start" and message["status"] >= ERRORS:
            await self.instead()
        elif not self._is_replaced:
            self.has_begun = True
            await self._send(message)

    async def instead(self) -> None:
        """Send what comes in place of an error."""
        self._is_replaced = self.has_begun = True
        kept = {"Cache-Control": "no-store"}
        if self._scope["path"].startswith(FOLLOW):
            answer = Response(status_code=302, headers={**kept, "Location": self._home})
        else:
            answer = Response(BLANK, headers=kept, media_type="image/png")
        await answer(self._scope, self._receive, self._send)


def is_of_mail(scope: Scope) -> bool:
    """Say whether somebody who reads a mail asks."""
    return scope["method"] in _READING and scope["path"].startswith((FOLLOW, LOOK))
