"""Which pages may read answers: those of `serving.cors_origins`, and those that live keys list.

A preflight brings no key, so it is answered by the origin alone; the request behind it needs its key all the same.
Unless every origin may read, answers differ by origin, and caches are told so (``Vary: Origin``).
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from serving.access.access import Access
from serving.access.presented import header
from serving.access.user_tokens import HEADER as USER_TOKEN

PREFLIGHT_SECONDS = 86_400

_ALLOW = "Access-Control-Allow-Origin"
_EXPOSE = "Access-Control-Expose-Headers"
_EXPOSED = f"Retry-After, {USER_TOKEN}"


class SharedOrigins(CORSMiddleware):
    """Starlette's answers to preflights, and the headers of every other answer."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str], access: Access) -> None:
        super().__init__(
            app,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["Content-Type", "Authorization", "X-API-Key", USER_TOKEN],
            expose_headers=_EXPOSED.split(", "),
            max_age=PREFLIGHT_SECONDS,
        )
        self._access = access

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether pages of this origin may read answers."""
        return super().is_allowed_origin(origin) or self._access.allows_origin(origin.encode("latin-1"))

    def answer_headers(self, origin: bytes | None) -> tuple[tuple[str, str], ...]:
        """Return the headers of an answer to a request from `origin`."""
        if self.allow_all_origins:
            return () if origin is None else ((_ALLOW, "*"), (_EXPOSE, _EXPOSED))
        if origin is None or not self.is_allowed_origin(origin.decode("latin-1")):
            return (("Vary", "Origin"),)
        return ((_ALLOW, origin.decode("latin-1")), (_EXPOSE, _EXPOSED), ("Vary", "Origin"))

    def encoded(self, origin: bytes | None) -> list[tuple[bytes, bytes]]:
        """Return the same headers as an ASGI message holds them."""
        return [(name.lower().encode(), value.encode("latin-1")) for name, value in self.answer_headers(origin)]

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        origin = header(scope, b"origin")
        if origin is not None and scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method"):
            await self.preflight_response(Headers(scope=scope))(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.answer_headers(origin):
                    headers.add_vary_header(value) if name == "Vary" else headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)
