"""An id per request: the caller's if it sends one that is fit for a log, a random one otherwise.

Every answer carries it, and so does every line that is logged about the request.
"""

from __future__ import annotations

import re
from contextvars import ContextVar

from serving.random_ids import RandomIds

HEADER = "X-Request-Id"
HEADER_BYTES = HEADER.lower().encode()

current: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered."""

_FIT = re.compile(rb"[A-Za-z0-9._:@/+=-]{1,128}")
_new = RandomIds()


def of(sent: bytes | None) -> bytes:
    """Return the id of a request, given the one that was sent."""
    return sent if sent is not None and _FIT.fullmatch(sent) else _new()
