"""Whom a request may speak for: the users it names, less those it does not vouch for.

::

    question = Visitors(request, body.user_token).asking(question)
    user_id = Visitors(request, body.user_token).known_as(body.user_id)       # None: a guest, or not believed

Somebody who is not believed is answered as a guest, and told why by the header ``X-User-Token`` of the answer: that
helps whoever builds the page, and says nothing about whether there is such a user.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import Request

from serving.access.presented import presented
from serving.access.user_tokens import DOUBT, HEADER_BYTES
from serving.questions import Question
from serving.state import state_of


class Visitors:
    """What one request says about who asks."""

    def __init__(self, request: Request, token: str | None = None) -> None:
        """Look at a request, and the token in its body if it may have one; the header comes first."""
        headers = dict(request.scope["headers"])
        state = state_of(request.app)
        self._scope = request.scope
        self._access, self._metrics = state.access, state.metrics
        self._key = presented(headers, request.scope["query_string"])
        in_body = None if token is None else token.encode("utf-8", "replace")
        self._token: bytes | None = headers.get(HEADER_BYTES) or in_body

    def known_as(self, user_id: str | None, *, what: str = "slate") -> str | None:
        """Return the user to answer as; None for a guest, and for whom the request does not vouch."""
        if user_id is None or (doubt := self._access.doubt(self._key, self._token, user_id)) is None:
            return user_id
        self._scope[DOUBT] = doubt
        self._metrics.unvouched.labels(what, doubt).inc()
        return None

    def asking(self, question: Question) -> Question:
        """Return a question as it may be answered."""
        user_id = self.known_as(question.user_id)
        return question if user_id == question.user_id else dataclasses.replace(question, user_id=user_id)

    def of_event(self, candidate: Any) -> Any:
        """Return an event as it may be kept: a user who is not believed is taken out of it."""
        if not isinstance(candidate, dict) or not isinstance(user_id := candidate.get("user_id"), str):
            return candidate
        if self.known_as(user_id, what="event") is not None:
            return candidate
        return {name: value for name, value in candidate.items() if name != "user_id"}
