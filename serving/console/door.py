"""Who may see the console.

* Where the API asks for keys: whoever signed in with a secret key of the scope `operations` that still lives.
* Where it asks for none, it is open to everybody who reaches it, and the console shows more than the API: so then only
  a server that listens on this machine alone shows it, to a browser of this machine that calls it by a local name. A
  request that came through a proxy says so, and is from elsewhere. Otherwise a page of another site could read it under
  a name of its own that leads to this machine (DNS rebinding).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.requests import Request

from serving.access.access import Access
from serving.access.presented import client_address
from serving.console.holders import Holders
from serving.console.sessions import COOKIE, Sessions

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


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
        self._is_local = _is_loopback(host)

    def admit(self, request: Request) -> Admission:
        """Say whether a request may be answered with a page."""
        if _is_read_by_another_site(request):
            return Admission(is_admitted=False, needs_key=self._access.is_required)
        if not self._access.is_required:
            return Admission(is_admitted=self._is_local and self._is_from_here(request), needs_key=False)
        signed_in = self._sessions.read(request.cookies.get(COOKIE))
        record = None if signed_in is None else self._holders.by_id(signed_in.key_id)
        if record is None:
            return Admission(is_admitted=False)
        return Admission(is_admitted=True, key_id=record.key_id, key_name=record.name)

    def _is_from_here(self, request: Request) -> bool:
        if any(name in request.headers for name in _FORWARDED):
            return False
        address = client_address(request.scope)
        return address is not None and _is_loopback(address) and _is_loopback(_name_of(request))


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


def _name_of(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
