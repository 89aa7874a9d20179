"""Keys over HTTP: where they may stand, what is answered without one, and what pages of other origins may read."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from serving.access.keyring import Keyring
from serving.access.keys import Kind, Minted, mint
from serving.access.presented import client_address, networks_of, presented
from serving.access.scopes import Scope
from serving.settings import AppSettings
from serving.stores import Stores
from tests.planted import item_id, user_id
from tests.serving.conftest import Serve, Served, Shelves, published

pytestmark = pytest.mark.anyio

SHOP, EVIL = "https://shop.example", "https://evil.example"
SLATE = f"/v1/users/{user_id(3)}/recommendations"


def made(settings: AppSettings, kind: Kind = Kind.SECRET, **options: Any) -> Minted:
    """Make a key in the app's data folder."""
    minted = mint("k", kind, now=datetime.now(UTC), **options)
    Keyring(settings.data_dir).change(lambda keys: (*keys, minted.kept))
    return minted


def bearing(key: Minted) -> dict[str, str]:
    """Return the header that carries a key."""
    return {"Authorization": f"Bearer {key.text}"}


@pytest.fixture
def secret(settings: AppSettings) -> Minted:
    return made(settings, scopes=tuple(Scope))


@pytest.fixture
def publishable(settings: AppSettings) -> Minted:
    return made(settings, Kind.PUBLISHABLE, origins=(SHOP,))


@pytest.fixture
async def closed(
    serve: Serve, stores: Stores, registry: Shelves, secret: Minted, publishable: Minted
) -> AsyncIterator[Served]:
    """The planted shop with two keys."""
    await published(registry.shop, stores)
    async with serve() as running:
        yield running


REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", SLATE, None),
    ("GET", "/v1/trending", None),
    ("POST", "/v1/recommendations", {}),
    ("POST", "/v1/events", {"events": []}),
    ("PUT", "/v1/items", {"items": [{"item_id": item_id(0), "stock": 3}]}),
    ("DELETE", "/v1/users/nobody", None),
    ("GET", "/metrics", None),
    ("GET", "/version", None),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
async def test_nothing_is_answered_without_a_key(
    closed: Served, secret: Minted, method: str, path: str, body: Any
) -> None:
    """No key, a wrong one, a secret one in the address: 401 with a way out. The right one: an answer."""
    ask = closed.client.request
    for refused, code in (
        (await ask(method, path, json=body), "key_required"),
        (await ask(method, path, json=body, params={"key": secret.text}), "key_required"),
        (await ask(method, path, json=body, headers={"X-API-Key": secret.text[:-1]}), "key_unknown"),
        (await ask(method, path, json=body, headers={b"X-API-Key": "空".encode()}), "key_unknown"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (401, code)
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert refused.headers["x-content-type-options"] == "nosniff"
    for headers in (bearing(secret), {"X-API-Key": secret.text}, {"authorization": f"bEARER  {secret.text} "}):
        assert (await ask(method, path, json=body, headers=headers)).status_code in (200, 202)


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/v1/healthz", "/widget.js", "/openapi.json", "/v1/items/x/picture.svg"]
)
async def test_what_stays_open(closed: Served, path: str) -> None:
    """Probes, the widget and pictures need no key."""
    assert (await closed.client.get(path)).status_code == 200


async def test_a_publishable_key_reads_and_reports_from_its_origin(closed: Served, publishable: Minted) -> None:
    """From the shop's pages, in a header or in the address; from anywhere else, and for anything else, a 403."""
    in_address, from_shop = {"key": publishable.text}, {"Origin": SHOP}
    sendings: list[dict[str, Any]] = [
        {"params": in_address, "headers": from_shop},
        {"headers": bearing(publishable) | from_shop},
    ]
    for sent in sendings:
        assert (await closed.client.get(SLATE, **sent)).status_code == 200
        assert (await closed.client.post("/v1/events", json={"events": []}, **sent)).status_code == 202
        refused = await closed.client.delete("/v1/users/nobody", **sent)
        assert (refused.status_code, refused.json()["code"]) == (403, "key_not_allowed")
        assert "nobody" not in closed.state.erasures
    for headers in ({"Origin": EVIL}, {"Origin": "null"}, {}):
        refused = await closed.client.get(SLATE, params=in_address, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "key_not_allowed")


async def test_keys_come_and_go_while_the_server_runs(closed: Served, settings: AppSettings, secret: Minted) -> None:
    """A new key opens and a revoked one closes as soon as the server looks; no restart."""
    new = made(settings)
    assert (await closed.client.get(SLATE, headers=bearing(new))).status_code == 401
    closed.state.access.refresh()
    assert (await closed.client.get(SLATE, headers=bearing(new))).status_code == 200
    gone = {"revoked_at": datetime.now(UTC)}
    Keyring(settings.data_dir).change(
        lambda keys: tuple(key.model_copy(update=gone) if key == secret.kept else key for key in keys)
    )
    closed.state.access.refresh()
    assert (await closed.client.get(SLATE, headers=bearing(secret))).status_code == 401
    assert (await closed.client.get(SLATE, headers=bearing(new))).status_code == 200


async def test_a_running_server_looks_by_itself(
    serve: Serve, settings: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """Within serving.poll_seconds, whatever Redis does meanwhile."""
    from tests.serving.conftest import eventually

    await published(registry.shop, stores)
    serving = settings.serving.model_copy(update={"poll_seconds": 0.05})
    async with serve(settings=settings.model_copy(update={"serving": serving})) as running:
        assert (await running.client.get(SLATE)).status_code == 200
        made(settings)

        async def is_closed() -> bool:
            return (await running.client.get(SLATE)).status_code == 401

        await eventually(is_closed, seconds=5)


async def test_unknown_revoked_and_expired_look_alike(closed: Served, settings: AppSettings) -> None:
    """Byte for byte the same answer, but for the request's id."""
    expired = made(settings, expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    closed.state.access.refresh()
    answers = [
        await closed.client.get(SLATE, headers={"X-API-Key": key}) for key in (expired.text, "sk_x", "pk_x", "\t")
    ]
    for answer in answers:
        del answer.headers["x-request-id"]
    assert len({(answer.status_code, answer.content, tuple(answer.headers.items())) for answer in answers[:3]}) == 1
    assert answers[3].json()["code"] == "key_required"


async def test_rate_limits_say_when_to_come_back(
    serve: Serve, settings: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """429 as a problem with Retry-After, readable by pages; health checks are never counted."""
    await published(registry.shop, stores)
    access = settings.access.model_copy(update={"rate_per_address": "3/hour"})
    async with serve(settings=settings.model_copy(update={"access": access})) as running:
        for _ in range(5):
            assert (await running.client.get("/healthz")).status_code == 200
        statuses = [(await running.client.get(SLATE)).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        refused = await running.client.get("/v1/trending", headers={"Origin": SHOP})
        assert refused.json()["code"] == "rate_limited"
        assert 0 < int(refused.headers["retry-after"]) <= 3600
        assert refused.headers["access-control-allow-origin"] == "*"
        assert "retry-after" in refused.headers["access-control-expose-headers"].lower()


async def test_keys_are_in_no_answer_log_or_metric(
    closed: Served, secret: Minted, publishable: Minted, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong with a key, nobody reads it afterwards."""
    seen: list[httpx.Response] = []
    with caplog.at_level(logging.DEBUG, logger="serving"):
        for key in (secret, publishable):
            for path in (SLATE, "/v1/trending?limit=0", "/nothing", "/v1/items/%00/similar", "/metrics"):
                sent = (bearing(key), {"X-API-Key": key.text}, bearing(key) | {"Origin": SHOP})
                seen += [await closed.client.get(path, headers=headers) for headers in sent]
    metrics = (await closed.client.get("/metrics", headers=bearing(secret))).text
    for key in (secret, publishable):
        for text in (
            *(answer.text for answer in seen),
            *(str(answer.headers) for answer in seen),
            caplog.text,
            metrics,
        ):
            assert key.text not in text
            assert key.kept.sha256 not in text


async def test_preflights_bring_no_key(
    serve: Serve, settings: AppSettings, stores: Stores, registry: Shelves, publishable: Minted
) -> None:
    """Listed origins and those of live keys may ask, with the headers a key stands in; other origins may not."""
    await published(registry.shop, stores)
    serving = settings.serving.model_copy(update={"cors_origins": ("https://staff.example",)})
    async with serve(settings=settings.model_copy(update={"serving": serving})) as running:
        for origin, allowed in ((SHOP, True), ("https://staff.example", True), (EVIL, False)):
            asks = {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type,x-api-key",
            }
            preflight = await running.client.options("/v1/events", headers=asks)
            answer = await running.client.get(SLATE, headers=bearing(publishable) | {"Origin": origin})
            assert preflight.status_code == (200 if allowed else 400)
            for response in (preflight, answer):
                assert response.headers.get("access-control-allow-origin") == (origin if allowed else None)
                assert "Origin" in response.headers["vary"]
                assert "access-control-allow-credentials" not in response.headers
        assert "Origin" in (await running.client.get("/v1/trending")).headers["vary"]
        widget = await running.client.get("/widget.js", headers={"Origin": EVIL})
        assert widget.headers["access-control-allow-origin"] == "*"


def asked(*headers: tuple[bytes, bytes], query: bytes = b"", client: str = "10.0.0.2") -> dict[str, Any]:
    """A request as a server hands it over."""
    return {"type": "http", "headers": headers, "query_string": query, "client": (client, 1)}


@pytest.mark.parametrize(
    ("scope", "key"),
    [
        (asked(), None),
        (asked((b"authorization", b"Bearer sk_a"), (b"x-api-key", b"sk_b")), b"sk_a"),
        (asked((b"x-api-key", b"sk_b"), (b"authorization", b"Basic dTpw"), query=b"key=pk_c"), b"sk_b"),
        (asked((b"authorization", b"Basic dTpw"), query=b"limit=2&key=pk_c"), b"pk_c"),
        (asked(query=b"key=sk_c"), None),
        (asked(query=b"monkey=pk_c"), None),
        (asked(query=b"key=&key=pk_d"), b"pk_d"),
    ],
)
def test_where_a_key_may_stand(scope: dict[str, Any], key: bytes | None) -> None:
    """Headers first; in the address only what is publishable."""
    assert presented(dict(scope["headers"]), scope["query_string"]) == key


OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Host": "shop.example"}


@pytest.mark.parametrize(
    ("method", "changes", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"Host": "SHOP.example"}, 200),
        ("GET", {"Host": "shop.example:8443"}, 403),
        ("GET", {"Host": "evil.example"}, 403),
        ("GET", {"Sec-Fetch-Site": "same-site"}, 403),
        ("GET", {"Sec-Fetch-Site": "none"}, 403),
        ("GET", {"Origin": EVIL}, 403),
        ("GET", {"Origin": SHOP, "Sec-Fetch-Site": "cross-site"}, 200),
        ("POST", {}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/v1/trending", f"/v1/users/{user_id(3)}/buy-again"])
async def test_a_page_of_the_api_s_own_host_may_get_without_an_origin(
    closed: Served, publishable: Minted, path: str, method: str, changes: dict[str, str], status: int
) -> None:
    """Browsers send no Origin then; that it is the page's own host they say in a header that no script can write."""
    headers = OWN_PAGE | changes | bearing(publishable)
    assert (await closed.client.request(method, path, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("198.51.100.1", b"203.0.113.9", "198.51.100.1"),
        ("10.0.0.2", b"203.0.113.9", "203.0.113.9"),
        ("10.0.0.2", b"1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.2", b"", "10.0.0.2"),
        ("10.0.0.2", b"10.0.0.9,, ", "10.0.0.9"),
        ("10.0.0.2", b"\xff" * 500, "ÿ" * 64),
        ("10.0.0.2", b"9.9.9.7:4001, 10.0.0.7:80", "9.9.9.7"),
        ("10.0.0.2", b"[2001:db8::1]:4001", "2001:db8::1"),
        ("10.0.0.2", b"[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.2", b"2001:db8::1", "2001:db8::1"),
        ("10.0.0.2", b":80, [", "10.0.0.2"),
    ],
)
def test_the_address_of_a_client_behind_proxies(client: str, forwarded: bytes, address: str) -> None:
    """Only proxies of ours are believed, and of what they forward only what no client can have written."""
    scope = asked((b"x-forwarded-for", forwarded), client=client)
    assert client_address(scope, networks_of(("10.0.0.0/8",))) == address
    assert client_address(scope) == client
