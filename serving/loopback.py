"""Whether a browser of this machine asks, under a name that nobody else can give themselves.

A page of another site may have a name of its own that leads to this machine (DNS rebinding); so the name that the
browser calls us by counts as much as its address. A request that came through a proxy says so, and is from elsewhere.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

from serving.access.presented import Networks, client_address

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def is_from_here(request: Request, proxies: Networks = ()) -> bool:
    """Say whether a request comes from this machine, by a local name; `proxies` are believed about who asks."""
    if not proxies and any(name in request.headers for name in _FORWARDED):
        return False
    address = client_address(request.scope, proxies)
    return address is not None and is_loopback(address) and is_loopback(_name_of(request))


def is_loopback(name: str) -> bool:
    """Say whether a host is this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _name_of(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""
