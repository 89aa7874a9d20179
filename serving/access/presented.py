"""What a request brings along: its key, the page it comes from, its client's address."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from starlette.types import Scope as AsgiScope

Networks = tuple[IPv4Network | IPv6Network, ...]

_BEARER = b"bearer "
_IN_QUERY = b"key="
_PUBLISHABLE = b"pk_"
_WITHOUT_ORIGIN = frozenset({"GET", "HEAD"})
"""Requests of a page to its own server that carry no ``Origin``."""


def presented(headers: Mapping[bytes, bytes], query: bytes) -> bytes | None:
    """Return the key that a request brings, or None.

    It stands in ``Authorization: Bearer``, else in ``X-API-Key``, else, if it is publishable, in the parameter ``key``:
    beacons can set no headers. A secret key in an address does not count, because addresses are written to logs.
    Names of `headers` are in lower case.
    """
    bearer = headers.get(b"authorization")
    if bearer is not None and bearer[:7].lower() == _BEARER:
        return bearer[7:].strip()
    if (key := headers.get(b"x-api-key")) is not None:
        return key.strip()
    return _in_query(query) if _IN_QUERY in query else None


def page_of(headers: Mapping[bytes, bytes], method: str) -> bytes | None:
    """Return the origin of the page that asks, or None; without its scheme, where only its host can be told.

    Browsers leave ``Origin`` out where a page GETs from its own server. They say ``Sec-Fetch-Site: same-origin`` then,
    which no script can write (https://www.w3.org/TR/fetch-metadata/), and the page's host is the one that is asked.
    """
    origin = headers.get(b"origin")
    if origin is not None or method not in _WITHOUT_ORIGIN or headers.get(b"sec-fetch-site") != b"same-origin":
        return origin
    return b"//" + headers.get(b"host", b"").lower()


def without_scheme(origin: bytes) -> bytes:
    """Return what `page_of` returns for a page of `origin` where its scheme is not told."""
    return origin[origin.index(b"//") :]


def header(scope: AsgiScope, wanted: bytes) -> bytes | None:
    """Return the first header of that name (lower case), or None."""
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return None


def client_address(scope: AsgiScope, proxies: Networks = ()) -> str | None:
    """Return the client's address; behind `proxies`, the last one in X-Forwarded-For that is none of theirs.

    What stands further left in that header was written by the client, and proves nothing. A port that a proxy appended
    is taken off: a client has one address and thousands of ports.
    """
    client: Any = scope.get("client")
    address: str | None = client[0] if client else None
    if not proxies or address is None or not _is_one_of(address, proxies):
        return address
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    for hop in reversed(forwarded.decode("latin-1").split(",")):
        if not (hop := _without_port(hop.strip())):
            continue
        if not _is_one_of(hop, proxies):
            return hop[:64]
        address = hop
    return address


def networks_of(written: tuple[str, ...]) -> Networks:
    """Return networks by their names."""
    return tuple(ip_network(name) for name in written)


def _in_query(query: bytes) -> bytes | None:
    for part in query.split(b"&"):
        if part.startswith(_IN_QUERY) and (key := part[len(_IN_QUERY) :]).startswith(_PUBLISHABLE):
            return key
    return None


def _without_port(hop: str) -> str:
    """Return an address without port and brackets.

    >>> [_without_port(hop) for hop in ("9.9.9.7:4000", "[2001:db8::1]:80", "[2001:db8::1]", "2001:db8::1", "9.9.9.7")]
    ['9.9.9.7', '2001:db8::1', '2001:db8::1', '2001:db8::1', '9.9.9.7']
    """
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


@lru_cache(maxsize=10_000)
def _is_one_of(address: str, networks: Networks) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
