"""Who may see the console.

* Where the API asks for keys: whoever signed in with a secret key of the scope `operations` that still lives.
* Where it asks for none, it is open to everybody who reaches it, and the console shows more than the API: so then only
  a server that listens on this machine alone shows it, to a browser of this machine (`serving.loopback`).
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.requests import Request

from serving.access.access import Access
from serving.console.holders import Holders
from serving.console.sessions import COOKIE, Sessions
from serving.loopback import is_from_here, is_loopback


class Admission(NamedTuple):
    """Whether somebody may come in, and as whom."""

    is_admitted: bool
    key_id: str = ""
    """Of the key they signed in with; empty where none is needed."""
    key_name: str = ""
    needs_key: bool = True
    """Whether signing in helps."""


class Door:
    """Lets people in."""

    def __init__(self, access: Access, holders: Holders, sessions: Sessions, *, host: str) -> None:
        self._access = access
        self._holders = holders
        self._sessions = sessions
        self._is_local = is_loopback(host)

    def admit(self, request: Request) -> Admission:
        """Say whether a request may be answered with a page."""
        if _is_read_by_another_site(request):
            return Admission(is_admitted=False, needs_key=self._access.is_required)
        if not self._access.is_required:
            return Admission(is_admitted=self._is_local and is_from_here(request), needs_key=False)
        signed_in = self._sessions.read(request.cookies.get(COOKIE))
        record = None if signed_in is None else self._holders.by_id(signed_in.key_id)
        if record is None:
            return Admission(is_admitted=False)
        return Admission(is_admitted=True, key_id=record.key_id, key_name=record.name)


def is_from_elsewhere(request: Request) -> bool:
    """Say whether a page of another site makes this request."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none"):
        return True
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


def _is_read_by_another_site(request: Request) -> bool:
    """Say the same of a page that is read by a program; to follow a link from another site is fine."""
    mode = request.headers.get("sec-fetch-mode", "cors" if "origin" in request.headers else "navigate")
    return mode != "navigate" and is_from_elsewhere(request)
