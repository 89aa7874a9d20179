"""Which address needs what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from starlette.routing import Match

from serving.access.scopes import Scope, needs
from serving.app import create_app
from serving.settings import AppSettings, RedisSettings, ServingSettings
from serving.shop.addresses import FRONT, PAGES

SLATES, EVENTS, CATALOGUE = Scope.SLATES, Scope.EVENTS, Scope.CATALOGUE
USERS, OPERATIONS = Scope.USERS, Scope.OPERATIONS
FORMS = ("cart", "checkout", "complaint", "not-for-me", "return", "sign-in", "sign-out")
"""What is sent to the demo shop, which has a door of its own."""

EXPECTED: dict[tuple[str, str], Scope | None] = {
    ("GET", "/v1/users/{user_id:path}/recommendations"): SLATES,
    ("GET", "/v1/users/{user_id:path}/buy-again"): SLATES,
    ("DELETE", "/v1/users/{user_id:path}"): USERS,
    ("PUT", "/v1/users/{user_id:path}/personalization"): EVENTS,
    ("GET", "/v1/users/{user_id:path}/personalization"): SLATES,
    ("POST", "/v1/recommendations"): SLATES,
    ("POST", "/v1/slates"): SLATES,
    ("GET", "/v1/items/{item_id:path}/similar"): SLATES,
    ("GET", "/v1/items/{item_id:path}/bought-together"): SLATES,
    ("GET", "/v1/trending"): SLATES,
    ("GET", "/v1/bestsellers"): SLATES,
    ("GET", "/v1/fragments/{placement}"): SLATES,
    ("POST", "/v1/events"): EVENTS,
    ("POST", "/v1/users:merge"): EVENTS,
    ("PUT", "/v1/items"): CATALOGUE,
    ("GET", "/v1/items/{item_id:path}/picture.svg"): None,
    **dict.fromkeys((("GET", path) for path in ("/metrics", "/v1/metrics", "/version", "/v1/version")), OPERATIONS),
    **dict.fromkeys(
        (
            (method, path)
            for method in ("GET", "HEAD")
            for path in ("/healthz", "/readyz", "/v1/healthz", "/v1/readyz", "/widget.js", "/shop", "/openapi.json")
        ),
        None,
    ),
    ("GET", "/"): None,
    **dict.fromkeys((("GET", "/widget.css"), ("HEAD", "/widget.css")), None),
    # Links and pictures of mail are signed.
    **dict.fromkeys(((method, "/l/{token:path}") for method in ("GET", "HEAD")), None),
    **dict.fromkeys(((method, "/i/{picture:path}") for method in ("GET", "HEAD")), None),
    ("GET", "/shop/assets/{name}"): None,
    ("GET", "/shop/{page:path}"): None,
    **dict.fromkeys((("GET", f"/shop/{page}") for page in sorted(PAGES - {FRONT})), None),
    **dict.fromkeys((("POST", f"/shop/{form}") for form in sorted(FORMS)), None),
    # The console has a door of its own: a form for a key of the scope operations.
    **dict.fromkeys(
        (
            ("GET", f"/console{page}")
            for page in (
                "",
                "/customers",
                "/customer",
                "/versions",
                "/traffic",
                "/experiments",
                "/mail",
                "/mail/of",
                "/mail/shown",
                "/sign-in",
                "/reports/{name}",
                "/assets/{name}",
                "/{page:path}",
            )
        ),
        None,
    ),
    ("POST", "/console/sign-in"): None,
    ("POST", "/console/sign-out"): None,
}
APP = create_app(AppSettings(redis=RedisSettings(url="redis://localhost"), serving=ServingSettings(demo_shop="local")))


def routes() -> Iterator[Any]:
    """Every route of the app, those of included routers under the path they are reached at."""
    for route in APP.router.routes:
        yield from route.effective_candidates() if hasattr(route, "effective_candidates") else [route]


def test_every_route_has_a_scope_on_purpose() -> None:
    """A new route appears in the table above, or this fails; until then it needs the scope operations."""
    found = {(method, route.path) for route in routes() for method in route.methods or ()}
    assert found == EXPECTED.keys()


@pytest.mark.parametrize("name", ["x", "a/b", "similar", "recommendations", "picture.svg"])
@pytest.mark.parametrize(("method", "path"), EXPECTED)
def test_each_address_needs_its_scope(method: str, path: str, name: str) -> None:
    """Whatever id stands in it."""
    written = path
    for parameter in ("user_id:path", "item_id:path", "page:path", "name", "placement", "token:path", "picture:path"):
        written = written.replace(f"{{{parameter}}}", name)
    assert needs(method, written) == EXPECTED[method, path]


WORDS = (
    "/ // /l/ /i/ /v1/ /v1/users/ /v1/items/ /v1/fragments/ /shop/ /shop/assets/ /console/ /V1/",
    "similar buy-again recommendations bought-together trending bestsellers picture.svg home",
    "widget.css widget.js events items metrics version healthz assets cart sign-in sign-out shop console",
)
fronts, shelves, others = (words.split() for words in WORDS)
segments = st.sampled_from(["", "v1", "users", "items", "a", "..", "%2e", "healthz", "metrics"])
ends = st.sampled_from(["", *shelves, *others])
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])


@given(methods, st.sampled_from(fronts), st.lists(segments, max_size=3), ends)
@settings(max_examples=1000)
def test_no_address_slips_through(method: str, front: str, parts: list[str], end: str) -> None:
    """For any address, what is needed is what the route needs that would answer it; what changes things is closed."""
    path = front + "/".join([*parts, end])
    scope = {"type": "http", "method": method, "path": path, "raw_path": quote(path).encode(), "headers": []}
    matched = next((route.path for route in routes() if route.matches(dict(scope))[0] is Match.FULL), None)
    event("answered by a route" if matched else "answered by none")
    if matched is not None:
        assert needs(method, path) == EXPECTED[method, matched]
    elif method not in ("GET", "HEAD"):
        assert needs(method, path) is not None
