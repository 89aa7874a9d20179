"""An id per request: the caller's if it sends one that is fit for a log, a random one otherwise."""

from __future__ import annotations

import re
from contextvars import ContextVar

HEADER = b"x-request-id"

current: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered; log lines carry it."""

_FIT = re.compile(rb"[A-Za-z0-9._:@/+=-]{1,128}")


def fit(sent: bytes | None) -> str | None:
    """Return a caller's id if it can be repeated safely.

    >>> fit(b"req-17"), fit(b"a b"), fit(None)
    ('req-17', None, None)
    """
    return sent.decode() if sent is not None and _FIT.fullmatch(sent) else None
