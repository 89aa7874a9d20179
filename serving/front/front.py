"""An ASGI application around the framework's: page views are answered here, everything else is passed on.

What runs here does not see the framework's middleware. So it does what they do, with their own functions: keys and
rates (`Access.refusal`), origins (`SharedOrigins.answer_headers`), the request's id, headers and metrics. A request
that is refused, or that cannot be answered with 200, is passed on: each answer but the usual one is made in one place.
A differential test asks both, and both answer the same.

It also counts the requests under way. Beyond `serving.max_in_flight`, further ones are told at once to come back,
so that those that were admitted are answered in time.
"""

from __future__ import annotations

from serving.security import HEADERS

WEIGHT = 4
"""A request to the framework costs several times what a page view does, and counts as so many."""
"""Answered whatever else is under way."""

_FIXED = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
]


class Front:
    """Answers page views, and passes on the rest."""
