"""Addresses that can name nothing are refused before a route is looked for.

Percent-decoding is forgiving: bytes that are no UTF-8 all become the replacement character, so that different users
would become one, and a line break keeps a path from matching its route. Both are answered with a 400 here.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.problems import Code, problem_response

REPLACEMENT = "\ufffd"
"""What stands in a decoded path where it was no UTF-8; a shop's id may hold one that was sent as such."""


class CleanAddress:
    """Refuses paths and queries that are no UTF-8, and paths with control characters."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (refusal := _refusal(scope)) is not None:
            code, detail = refusal
            await problem_response(400, code, detail)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _refusal(scope: Scope) -> tuple[Code, str] | None:
    path: str = scope["path"]
    if REPLACEMENT in path and not _is_utf8(scope.get("raw_path") or path.encode()):
        return Code.INVALID_ID, "The path of this address is not UTF-8, so it can hold no id; encode ids as UTF-8."
    if not path.isprintable() and any(unicodedata.category(char) == "Cc" for char in path):
        return Code.INVALID_ID, "The path of this address holds a control character, which no id may hold."
    query: bytes = scope.get("query_string", b"")
    if b"%" in query and not _is_utf8(query):
        return Code.INVALID_PARAMETER, "The query of this address is not UTF-8; encode its values as UTF-8."
    return None


def _is_utf8(quoted: bytes) -> bool:
    try:
        unquote_to_bytes(quoted).decode()
    except UnicodeDecodeError:
        return False
    return True
