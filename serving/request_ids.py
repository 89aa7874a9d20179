"""An id per request: the caller's if it sends one that is fit for a log, a random one otherwise.

Every answer carries it, and so does every line that is logged about the request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar

from serving.random_ids import RandomIds

HEADER = "X-Request-Id"
HEADER_BYTES = HEADER.lower().encode()

current: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered."""

_FIT = re.compile(rb"[A-Za-z0-9._:@/+=-]{1,128}")
_new = RandomIds()


def of(headers: Mapping[bytes, bytes]) -> str:
    """Return the id of a request with these headers."""
    sent = headers.get(HEADER_BYTES)
    return sent.decode() if sent is not None and _FIT.fullmatch(sent) else _new()
