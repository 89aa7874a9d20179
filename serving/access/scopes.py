"""What a key may be for, and which of it an address needs.

What is not listed here needs `operations`: a route that somebody forgets to enter is closed, not open.
"""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """Something a key may be used for."""

    SLATES = "slates"
    """Ask what to show."""
    EVENTS = "events"
    """Report what storefronts saw."""
    CATALOGUE = "catalogue"
    """Change prices, stock and descriptions."""
    USERS = "users"
    """Erase users."""
    OPERATIONS = "operations"
    """Read metrics and versions."""


PUBLISHABLE = frozenset({Scope.SLATES, Scope.EVENTS})
"""All that a key may do that stands in a page, where everybody reads it."""

HEALTH = frozenset({"/healthz", "/readyz", "/v1/healthz", "/v1/readyz"})
"""Never refused and never counted: whoever restarts a process asks often, from one address, without a key."""

FOLLOW, LOOK = "/l/", "/i/"
"""What links and pictures in mail begin with. Their tokens are signed, so they ask for no key."""

_READING = frozenset({"GET", "HEAD"})
_OPEN = frozenset({*HEALTH, "/", "/shop", "/widget.js", "/widget.css", "/openapi.json"})
_SHOP = "/shop/"
"""The demo shop asks for no key: where there are keys, its own door is shut (`serving.shop.door`)."""
_SHOP_FORMS = frozenset(
    _SHOP + name for name in ("cart", "checkout", "complaint", "not-for-me", "return", "sign-in", "sign-out")
)
_CONSOLE = "/console"
"""The console asks for a key itself, by a form: a browser sends no headers (`serving.console.door`)."""
_CONSOLE_FORMS = frozenset({f"{_CONSOLE}/sign-in", f"{_CONSOLE}/sign-out"})


def needs(method: str, path: str) -> Scope | None:
    """Return what a key must be allowed for this request; None if none is needed.

    >>> needs("GET", "/v1/users/17/recommendations"), needs("GET", "/healthz")
    (<Scope.SLATES: 'slates'>, None)
    """
    if method in _READING:
        return _reading(path)
    if method == "POST" and path in _CONSOLE_FORMS:
        return None
    if _is_told(method, path):
        return Scope.EVENTS
    if method == "POST" and path in ("/v1/recommendations", "/v1/slates"):
        return Scope.SLATES
    if method == "PUT" and path == "/v1/items":
        return Scope.CATALOGUE
    if method == "DELETE" and path.startswith("/v1/users/"):
        return Scope.USERS
    return None if method == "POST" and path in _SHOP_FORMS else Scope.OPERATIONS


def _is_told(method: str, path: str) -> bool:
    """Say whether a storefront reports what a visitor did or chose."""
    if method == "PUT":
        return path.startswith("/v1/users/") and path.endswith("/personalization")
    return method == "POST" and path in ("/v1/events", "/v1/users:merge")


def _reading(path: str) -> Scope | None:
    if path in ("/v1/trending", "/v1/bestsellers"):
        return Scope.SLATES
    if path.startswith("/v1/fragments/"):
        return Scope.SLATES
    if path.startswith(("/v1/users/", "/v1/items/")):
        # A picture is an <img>, which sends no headers; it tells no more than the page it stands on.
        is_picture = path.startswith("/v1/items/") and path.endswith("/picture.svg")
        return None if is_picture else Scope.SLATES
    if path in _OPEN or path == _CONSOLE or path.startswith((_SHOP, f"{_CONSOLE}/", FOLLOW, LOOK)):
        return None
    return Scope.OPERATIONS
