"""The middleware that asks `Access` about every request which nothing in front of it has asked about."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from serving.access.access import Access
from serving.access.presented import client_address, page_of, presented
from serving.access.scopes import HEALTH, needs
from serving.campaigns.gentle import is_of_mail
from serving.metrics import Metrics

ADMITTED = "regulars.admitted"
"""Scope key of requests that were let in already, so that none is counted twice; no client can set it."""
REFUSED = "regulars.refused"
"""Scope key under which lies the refusal of those that were asked about and not let in."""


class Guard:
    """Refuses requests that may not be answered."""

    def __init__(self, app: ASGIApp, *, access: Access, metrics: Metrics) -> None:
        self._app = app
        self._access = access
        self._metrics = metrics

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # Image proxies fetch for thousands of readers from one address; what mail asks for needs no key.
        is_free = scope["type"] != "http" or scope["path"] in HEALTH or is_of_mail(scope)
        if is_free or scope.get(ADMITTED):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        refusal = scope.get(REFUSED) or self._access.refusal(
            presented(headers, scope["query_string"]),
            origin=page_of(headers, scope["method"]),
            address=client_address(scope, self._access.proxies),
            needs=needs(scope["method"], scope["path"]),
        )
        if refusal is not None:
            self._metrics.refused.labels(refusal.code).inc()
        await (self._app if refusal is None else refusal.response())(scope, receive, send)
