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
from collections.abc import Awaitable, Mapping

from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from recommender.errors import StoreUnavailable
from serving import request_ids
from serving.access.cors import SharedOrigins
from serving.access.guard import ADMITTED, REFUSED
from serving.access.presented import client_address, page_of, presented
from serving.access.refusal import Refusal
from serving.access.scopes import HEALTH
from serving.access.scopes import Scope as Right
from serving.access.user_tokens import DOUBT
from serving.access.user_tokens import HEADER_BYTES as USER_TOKEN
from serving.campaigns.gentle import Gently, is_of_mail
from serving.fragments.blank import FRAGMENTS, blank_on_failure
from serving.front.hot import Hot, HotAddresses
from serving.metrics import method_label
from serving.problems import overloaded
from serving.security import FIXED_HEADERS
from serving.shelves.counter import Reply
from serving.state import State, state_of

WEIGHT = 4
"""A request to the framework costs several times what a page view does, and counts as so many."""

MAX_RECEIVING = 1_024
"""Requests of which a part of the body is still on its way; one that takes too long is given up (`BodyLimit`)."""

ALWAYS = HEALTH | {"/metrics"}
"""Answered however much is under way: who looks after the process must see that it is busy."""

_METHOD = "GET"
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_ORIGIN = b"origin"
_HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), *FIXED_HEADERS]


class Front:
    """Answers page views, and passes on the rest."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._open: _Open | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request, or hand on the signals of start and stop. Not a coroutine around others, for speed."""
        if scope["type"] != "http":
            self._open = None
            return self._app(scope, receive, send)
        here = self._open
        if here is None:
            here = self._open = _Open(self._app, state_of(self._app))
        path: str = scope["path"]
        hot = here.addresses.read(path, scope["query_string"]) if scope["method"] == _METHOD else None
        if here.in_flight >= here.max_in_flight and path not in ALWAYS:
            return here.refuse(scope, receive, send)
        if hot is not None:
            return here.answer(hot, scope, receive, send)
        return (
            here.receive_first(scope, receive, send)
            if scope["method"] in _WITH_BODY
            else here.pass_on(scope, receive, send)
        )


class _Open:
    """A front whose application has started."""

    def __init__(self, app: FastAPI, state: State) -> None:
        self.addresses = HotAddresses()
        self.max_in_flight = state.settings.serving.max_in_flight
        self.in_flight = 0
        self._receiving = 0
        self._app = app
        self._service = state.service
        self._access = state.access
        self._metrics = state.metrics
        state.metrics.watch(state.metrics.in_flight, lambda: self.in_flight)
        self._origins = SharedOrigins(app, origins=state.settings.serving.cors_origins, access=state.access)
        self._tally = state.service.tally

    async def answer(self, hot: Hot, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a page view, or let the framework do so."""
        started = time.perf_counter()
        self.in_flight += 1
        try:
            headers: dict[bytes, bytes] = dict(scope["headers"])
            reply = await self._reply(hot, scope, headers)
            if reply is None:
                await self._app(scope, receive, send)
                return
            origin = headers.get(_ORIGIN)
            answer = [*_HEADERS, (request_ids.HEADER_BYTES, request_ids.of(headers.get(request_ids.HEADER_BYTES)))]
            if origin is not None or not self._origins.allow_all_origins:
                answer += self._origins.encoded(origin)
            if (doubt := scope.get(DOUBT)) is not None:
                answer.append((USER_TOKEN, doubt.encode()))
                self._metrics.unvouched.labels("slate", doubt).inc()
            await send({"type": "http.response.start", "status": 200, "headers": answer})
            await send({"type": "http.response.body", "body": reply.body})
            self._tally.answered(hot.route, reply.source, time.perf_counter() - started)
        finally:
            self.in_flight -= 1

    async def _reply(self, hot: Hot, scope: Scope, headers: Mapping[bytes, bytes]) -> Reply | None:
        """Return the answer to a page view; None where it is another than the usual one."""
        access, service = self._access, self._service
        _, asked, user_id, item_id = hot
        if not access.is_open:
            key = presented(headers, scope["query_string"])
            if (refusal := self._refusal(key, scope, headers)) is not None:
                scope[REFUSED] = refusal
                return None
            if user_id is not None and (doubt := access.doubt(key, headers.get(USER_TOKEN), user_id)) is not None:
                scope[DOUBT], user_id = doubt, None
        scope[ADMITTED] = True
        if (ready := service.ready) is None:
            return None
        try:
            if user_id is None:
                return await service.offered(asked, item_id)
            if service.experiments is not None:
                return await service.experiments.shelf(service, user_id, asked)
            try:
                record = await service.known(user_id, ready)
            except StoreUnavailable:
                return await service.without_store(ready, asked, user_id)
            return service.cut(ready, asked, user_id, record) or await service.beyond(ready, asked, user_id, record)
        except Exception:  # noqa: BLE001  a `Problem`, or a mistake of ours: the framework meets, tells and counts it
            return None

    def _refusal(self, key: bytes | None, scope: Scope, headers: Mapping[bytes, bytes]) -> Refusal | None:
        access = self._access
        return access.refusal(
            key,
            origin=page_of(headers, _METHOD),
            address=client_address(scope, access.proxies) if access.counts_addresses else None,
            needs=Right.SLATES,
        )

    async def pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the framework answer a request without a body."""
        self.in_flight += WEIGHT
        try:
            await self._app(scope, receive, send)
        finally:
            self.in_flight -= WEIGHT

    async def receive_first(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the framework answer a request with a body; it counts once its body is there.

        Otherwise a few clients that send slowly would keep everybody else out.
        """
        if self._receiving >= MAX_RECEIVING:
            await self.refuse(scope, receive, send)
            return
        self._receiving += 1
        is_here = False

        async def receive_and_count() -> Message:
            nonlocal is_here
            message = await receive()
            if not is_here and not message.get("more_body"):
                is_here = True
                self._receiving -= 1
                self.in_flight += WEIGHT
            return message

        try:
            await self._app(scope, receive_and_count, send)
        finally:
            if is_here:
                self.in_flight -= WEIGHT
            else:
                self._receiving -= 1

    async def refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell a client to come back."""
        self._metrics.requests.labels("none", method_label(scope["method"]), "503", "").inc()
        self._metrics.refused.labels("overloaded").inc()
        origin = next((value for name, value in scope["headers"] if name == _ORIGIN), None)
        response = overloaded().response()
        if scope["path"].startswith(FRAGMENTS):
            send = blank_on_failure(send)
        elif is_of_mail(scope):
            send = Gently(scope, receive, send, home=self._app.state.opening.landing.home)
        sent = dict(scope["headers"]).get(request_ids.HEADER_BYTES)
        response.raw_headers += [
            *FIXED_HEADERS,
            *self._origins.encoded(origin),
            (request_ids.HEADER_BYTES, request_ids.of(sent)),
        ]
        await response(scope, receive, send)
