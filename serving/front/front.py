"""An ASGI application around the framework's: page views are answered here, everything else is passed on.

What runs here does not see the framework's middleware. So it does what they do, with their own functions: keys and
rates (`Access.refusal`), origins (`SharedOrigins.answer_headers`), the request's id, headers and metrics. A request
that is refused, or that cannot be answered with 200, is passed on: each answer but the usual one is made in one place.
A differential test asks both, and both answer the same.

It also counts the requests under way. Beyond `serving.max_in_flight`, further ones are told at once to come back,
so that those that were admitted are answered in time.
"""

from __future__ import annotations

import time

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from serving import request_ids
from serving.access.cors import SharedOrigins
from serving.access.guard import ADMITTED, REFUSAL
from serving.access.presented import client_address, presented
from serving.access.scopes import Scope as Right
from serving.front.hot import Hot, HotAddresses
from serving.problems import Code, Problem, problem_response
from serving.security import HEADERS
from serving.shelves.stamps import SlateIds
from serving.state import State, state_of

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
