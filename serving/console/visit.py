"""One request for a page of the console: who asks, what the page is called, and how it is sent.

Pages are sent with a policy that allows nothing but the console's own style sheet and forms; nobody keeps a copy, and
no search engine lists them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response

from serving import request_ids
from serving.console.console import Console, console_of
from serving.console.door import Admission
from serving.logs import FIELDS
from serving.state import State, state_of

PATH = "/console"

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}

_log = logging.getLogger(__name__)


class NotAdmitted(Exception):
    """Somebody may not see a page."""

    def __init__(self, admission: Admission) -> None:
        super().__init__("not admitted to the console")
        self.admission = admission


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody."""

    request: Request
    admission: Admission

    @property
    def console(self) -> Console:
        """The console of the app."""
        return console_of(self.request.app)

    @property
    def state(self) -> State:
        """The state of the app."""
        return state_of(self.request.app)

    async def page(
        self, template: str, values: dict[str, Any] | None = None, *, status: int = 200, policy: str = POLICY
    ) -> Response:
        """Return a page."""
        around = {
            "root": root_of(self.request),
            "admission": self.admission,
            "request_id": request_ids.current.get(),
            "at": datetime.now(UTC),
        }
        content = await self.console.rendered(template, around | (values or {}))
        headers = {**HEADERS, "Content-Security-Policy": policy}
        return Response(content, status, headers, media_type="text/html")

    def note(self, what: str) -> None:
        """Log that a person was looked up: by whom and when, not whom."""
        _log.info("%s", what, extra={FIELDS: {"key": self.admission.key_id or "none"}})


def root_of(request: Request) -> str:
    """Return what leads from a page to the address of the console's pages, wherever a proxy puts them.

    Browsers resolve ``customers`` against ``/console`` to ``/customers``, and against ``/console/x`` to
    ``/console/customers``.
    """
    below = request.scope["path"].removeprefix(PATH)
    depth = below.count("/")
    return "console/" if depth == 0 else "../" * (depth - 1)


async def _admitted(request: Request) -> Visit:
    admission = console_of(request.app).door.admit(request)
    if not admission.is_admitted:
        raise NotAdmitted(admission)
    return Visit(request, admission)


VisitDep = Annotated[Visit, Depends(_admitted)]
"""For routes: ``async def page(visit: VisitDep)``."""


async def _shut(request: Request, error: Exception) -> Response:
    """Ask for a key, or say why the door stays shut."""
    assert isinstance(error, NotAdmitted)
    visit = Visit(request, error.admission)
    values = {"error": None, "then": then_of(request)}
    return await visit.page("sign-in.html.j2", values, status=403)


def then_of(request: Request) -> str:
    """Return the page that was asked for, relative to the console's pages."""
    path = request.scope["path"].removeprefix(PATH).lstrip("/")
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def install(app: FastAPI) -> None:
    """Let `app` show the sign-in form where somebody is not admitted."""
    app.add_exception_handler(NotAdmitted, _shut)
