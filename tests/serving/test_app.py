"""Every endpoint answers, whatever it is asked."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from serving.schemas import SlateBody
from serving.stores import Stores
from tests.planted import HOSTILE_IDS, item_id, user_id
from tests.serving.conftest import Serve, Served, Shelves, ids, published

pytestmark = pytest.mark.anyio


def checked(slate: dict[str, Any]) -> dict[str, Any]:
    """Hold a slate against its documentation, and return it."""
    assert (
        SlateBody.model_validate(slate, extra="forbid").model_dump(mode="json", exclude_unset=True).keys()
        == slate.keys()
    )
    assert [item["rank"] for item in slate["items"]] == list(range(1, len(slate["items"]) + 1))
    assert len(set(ids(slate))) == len(slate["items"])
    assert all(item["source"] == slate["source"] for item in slate["items"][:1])
    return slate


SLATES = [
    "/v1/users/{user}/recommendations",
    "/v1/users/{user}/recommendations?placement=cart&new_only=true&reasons=false",
    "/v1/users/{user}/buy-again",
    "/v1/items/{item}/similar",
    "/v1/items/{item}/similar?user_id={user}",
    "/v1/items/{item}/bought-together",
    "/v1/trending",
    "/v1/bestsellers?user_id={user}",
]


@pytest.mark.parametrize("path", SLATES)
@pytest.mark.parametrize(("user", "item"), [(user_id(3), item_id(5)), ("stranger", "no such thing")])
async def test_every_slate_has_one_shape(shop: Served, path: str, user: str, item: str) -> None:
    """Known or unknown, a shelf looks like every other and is full, unless a stranger asks what to buy again."""
    slate = checked(await shop.get(path.format(user=user, item=item)))
    assert len(slate["items"]) == (0 if user == "stranger" and "buy-again" in path else 10)
    assert slate["degraded"] is False
    assert slate["model_version"] == shop.state.service.engine.version
    assert {item["currency"] for item in slate["items"]} <= {"EUR"}


async def test_a_known_user_gets_stored_candidates(shop: Served) -> None:
    """The answer is personal, says why, and shows each item as a shop page needs it."""
    slate = await shop.get(f"/v1/users/{user_id(3)}/recommendations")
    assert slate["source"] == "personal"
    first = slate["items"][0]
    assert first["title"].startswith("Thing ")
    assert first["category"].startswith("aisle ")
    assert first["image_url"] == f"/v1/items/{first['item_id']}/picture.svg"
    assert {item["reason"]["code"] for item in slate["items"]} & {"buy_again", "because_you_bought"}
    assert 'regulars_candidates_total{outcome="stored"} 1.0' in (await shop.client.get("/metrics")).text


async def test_stored_and_computed_slates_agree(shop: Served, stores: Stores) -> None:
    """What the publisher wrote is what the engine would have said."""
    path = f"/v1/users/{user_id(7)}/recommendations"
    stored = await shop.get(path, limit=20)
    await stores.slates.write(shop.state.service.engine.version, [(user_id(7), b"damaged")])
    computed = await shop.get(path, limit=20)
    assert computed["degraded_reason"] == "candidates_missing"
    assert ids(stored) == ids(computed)
    assert [item["reason"] for item in stored["items"]] == [item["reason"] for item in computed["items"]]


@pytest.mark.parametrize("awkward", HOSTILE_IDS)
async def test_awkward_ids_in_addresses(serve: Serve, stores: Stores, registry: Shelves, awkward: str) -> None:
    """Slashes, percent signs, markup, 512 characters: every id is answered under its own name."""
    await published(registry.hostile, stores)
    async with serve() as running:
        segment = quote(awkward, safe="")
        slate = await running.get(f"/v1/users/{segment}/recommendations")
        assert (slate["user_id"], slate["source"], slate["degraded"]) == (awkward, "personal", False)
        by_body = await running.post("/v1/recommendations", {"user_id": awkward})
        assert ids(by_body) == ids(slate)
        similar = await running.get(f"/v1/items/{segment}/similar")
        assert awkward not in ids(similar)
        assert similar["items"][0]["reason"]["item_id"] == awkward
        picture = await running.client.get(slate["items"][0]["image_url"])
        assert picture.headers["content-type"].startswith("image/svg+xml")
        assert (await running.client.delete(f"/v1/users/{segment}")).json() == {"user_id": awkward, "shared": True}


async def test_a_slash_in_an_id_may_be_written_as_it_is(shop: Served) -> None:
    """What stands before the last part of the path is the id, even if it looks like a route."""
    for user in ("a/b", "a/recommendations", "recommendations", "a//b/"):
        assert (await shop.get(f"/v1/users/{user}/recommendations"))["user_id"] == user


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users//recommendations",
        "/v1/users/a%00b/recommendations",
        "/v1/items/%07/similar",
        f"/v1/users/{'x' * 513}/buy-again",
    ],
)
async def test_ids_that_can_be_no_ids(shop: Served, path: str) -> None:
    """Empty, with control characters, or endless: a 400 that says which."""
    response = await shop.client.get(path)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_id")


async def test_deleting_a_shelf_erases_nobody(shop: Served) -> None:
    """A slip is a 405; an id that ends like a shelf's address is erased when its slash is encoded."""
    for shelf in ("recommendations", "buy-again"):
        response = await shop.client.delete(f"/v1/users/{user_id(8)}/{shelf}")
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
        assert response.headers["allow"] == "GET"
        assert user_id(8) not in shop.state.erasures
        encoded = await shop.client.delete(f"/v1/users/{user_id(8)}%2F{shelf}")
        assert encoded.json() == {"user_id": f"{user_id(8)}/{shelf}", "shared": True}
        assert (await shop.client.delete(f"/v1/users/{shelf}")).json()["user_id"] == shelf


async def test_limits_are_kept(shop: Served) -> None:
    """From 1 to 100 items, and exactly as many as asked for."""
    for limit in (1, 37, 100):
        assert len((await shop.get("/v1/bestsellers", limit=limit))["items"]) == limit
    for limit in (0, 101, -1):
        problem = (await shop.client.get("/v1/bestsellers", params={"limit": limit})).json()
        assert (problem["status"], problem["code"], problem["errors"][0]["field"]) == (
            400,
            "invalid_parameter",
            "query.limit",
        )


async def test_filters_hold(shop: Served) -> None:
    """Category, price and exclusions bind every rung."""
    slate = checked(
        await shop.post(
            "/v1/recommendations",
            {
                "user_id": user_id(1),
                "limit": 8,
                "exclude": [item_id(0)],
                "filters": {"categories": ["aisle 2"], "price_min": 2, "price_max": 15},
            },
        )
    )
    assert slate["items"]
    assert {item["category"] for item in slate["items"]} == {"aisle 2"}
    assert all(2 <= item["price"] <= 15 for item in slate["items"])
    by_query = await shop.get("/v1/trending", category="aisle 1", price_max=10, exclude=ids(slate)[0])
    assert {item["category"] for item in by_query["items"]} == {"aisle 1"}


async def test_a_guests_session_is_folded_in(shop: Served) -> None:
    """What a guest looked at decides the shelf, and is not on it."""
    viewed = [item_id(0), item_id(4), item_id(8)]
    slate = checked(await shop.post("/v1/recommendations", {"guest": True, "seeds": {"viewed": viewed}}))
    assert (slate["user_id"], slate["source"]) == (None, "folded_in")
    assert not set(viewed) & set(ids(slate))
    own_aisle = sum(item["category"] == "aisle 0" for item in slate["items"])
    assert own_aisle >= 4


async def test_empty_carts_and_unknown_seeds_are_answered(shop: Served) -> None:
    """A cart nobody knows is as good as none."""
    for body in (
        {},
        {"guest": True, "placement": "cart", "seeds": {"cart": []}},
        {"seeds": {"cart": ["?"], "viewed": ["空"]}},
    ):
        assert len(checked(await shop.post("/v1/recommendations", body))["items"]) == 10


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": 0}, "body.limit"),
        ({"user_id": ""}, "body.user_id"),
        ({"user_id": 17}, "body.user_id"),
        ({"placement": "roof"}, "body.placement"),
        ({"filter": {}}, "body.filter"),
        ({"filters": {"price_min": 2, "price_max": 1}}, "body.filters"),
        ({"guest": True, "user_id": "u"}, "body"),
        ({"seeds": {"cart": ["a\nb"]}}, "body.seeds.cart.0"),
        ([], "body"),
    ],
)
async def test_wrong_bodies_say_where(shop: Served, body: Any, field: str) -> None:
    """A 422 names the field and the rule."""
    response = await shop.client.post("/v1/recommendations", json=body)
    problem = response.json()
    assert (response.status_code, problem["code"], problem["errors"][0]["field"]) == (422, "invalid_body", field)
    assert response.headers["content-type"] == "application/problem+json"


async def test_other_errors_are_problems_too(shop: Served) -> None:
    """Unknown address, wrong method, not JSON, too large: each has its code."""
    codes = [
        (await shop.client.get("/v2/nothing"), 404, "not_found"),
        (await shop.client.post("/v1/trending"), 405, "method_not_allowed"),
        (await shop.client.post("/v1/recommendations", content=b"{"), 422, "invalid_body"),
        (await shop.client.post("/v1/events", content=b" " * 1_048_577), 413, "body_too_large"),
        (await shop.client.get("/v1/trending?price_min=3&price_max=2"), 400, "invalid_parameter"),
        (await shop.client.get("/v1/trending?price_min=nan"), 400, "invalid_parameter"),
    ]
    for response, status, code in codes:
        assert (response.status_code, response.json()["code"]) == (status, code), response.text
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body", [b"\xff", b"\x1f\x8b\x08\x00", b"[" * 100_000, b'{"limit": ' + b"1" * 5000 + b"}", b"{"]
)
@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/events"])
async def test_a_body_that_cannot_be_read_is_a_422(shop: Served, path: str, body: bytes) -> None:
    """Not UTF-8, compressed, nested without end, endless numbers: one status, one code."""
    response = await shop.client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_body"), response.text
    assert "jSON" not in response.text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/recommendations"), ("POST", "/v1/events"), ("PUT", "/v1/items")]
)
async def test_other_encodings_are_refused(shop: Served, method: str, path: str, encoding: str) -> None:
    """JSON between systems is UTF-8 (RFC 8259, 8.1), whatever a parser might guess."""
    body = {"/v1/recommendations": "{}", "/v1/events": '{"events": []}', "/v1/items": '{"items": [{"item_id": "a"}]}'}[
        path
    ]
    headers = {"Content-Type": "application/json"}
    assert (await shop.client.request(method, path, content=body, headers=headers)).is_success
    response = await shop.client.request(method, path, content=body.encode(encoding), headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_body"), response.text
    assert "UTF-8" in response.json()["detail"]


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}]
)
async def test_a_body_of_another_type_is_told_the_right_one(shop: Served, headers: dict[str, str]) -> None:
    """What curl -d and fetch() send by themselves is no mistake in a field."""
    for method, path in (("POST", "/v1/recommendations"), ("POST", "/v1/slates"), ("PUT", "/v1/items")):
        response = await shop.client.request(method, path, content=b'{"limit": 3}', headers=headers)
        problem = response.json()
        assert (response.status_code, problem["code"]) == (422, "invalid_body")
        assert "send Content-Type: application/json" in problem["detail"]
        assert "errors" not in problem


@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/events"])
async def test_broken_json_is_called_that(shop: Served, path: str) -> None:
    """The place in the text is said in words, and is no name of a field."""
    response = await shop.client.post(path, content=b'{"limit": }', headers={"Content-Type": "application/json"})
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "invalid_body")
    assert [error["field"] for error in problem["errors"]] == ["body"]
    assert problem["detail"].startswith("body: it is no JSON: ")


async def test_a_page_can_read_why_its_body_was_refused(shop: Served) -> None:
    """Answers to bodies that are too large carry the CORS header like any other."""
    headers = {"Origin": "https://shop.example"}
    response = await shop.client.post("/v1/events", content=b" " * 1_048_577, headers=headers)
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (413, "*")


@pytest.mark.parametrize(
    "address", [{"url": "//evil"}, {"url": "/\\evil"}, {"image_url": "/a\nb"}, {"title": "a\0"}, {"brand": "\x85"}]
)
async def test_what_a_page_would_trip_over_enters_no_catalogue(shop: Served, address: dict[str, str]) -> None:
    """No control characters in texts, and no address of another host that looks like a path."""
    response = await shop.client.put("/v1/items", json={"items": [{"item_id": item_id(0), **address}]})
    field = f"body.items.0.{next(iter(address))}"
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_of_another_content_type_says_which_is_needed(shop: Served, content_type: str) -> None:
    """What `curl -d` sends by itself is refused with the header that is missing; a wrong field without."""
    response = await shop.client.post("/v1/slates", content=b"{}", headers={"Content-Type": content_type})
    assert response.status_code == 422
    assert "Content-Type: application/json" in response.json()["detail"]
    nested = await shop.client.post("/v1/recommendations", json={"filters": "cheap"})
    assert nested.json()["detail"] == "body.filters: must be a JSON object"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/healthz", "/widget.js"])
async def test_probes_may_ask_for_headers_only(shop: Served, path: str) -> None:
    """HEAD is answered as GET is."""
    assert (await shop.client.head(path)).status_code == 200


async def test_a_fresh_installation_says_what_to_do(serve: Serve, tmp_path: Any) -> None:
    """Without any model there is one honest answer, and the process lives."""
    async with serve(registry_root=tmp_path / "nothing") as running:
        assert (await running.get("/healthz")) == {"status": "ok"}
        for path in ("/readyz", "/v1/trending", "/v1/users/u/recommendations"):
            response = await running.client.get(path)
            assert (response.status_code, response.json()["code"]) == (503, "no_model")
            assert "make train" in response.json()["detail"]
        version = await running.get("/version")
        assert (version["model_version"], version["published"]) == (None, None)


async def test_operations(shop: Served) -> None:
    """Ready, versions and metrics tell who answers, bare and under /v1."""
    version = shop.state.service.engine.version
    for prefix in ("", "/v1"):
        assert await shop.get(f"{prefix}/readyz") == {"status": "ready", "model_version": version, "store": "up"}
        assert (await shop.get(f"{prefix}/version"))["published"] == version
    await shop.get(f"/v1/users/{user_id(1)}/recommendations")
    text = (await shop.client.get("/metrics")).text
    assert f'regulars_model_info{{version="{version}"}} 1.0' in text
    route = 'route="/v1/users/{user_id:path}/recommendations"'
    assert f'regulars_requests_total{{method="GET",{route},source="personal",status="200"}} 1.0' in text


async def test_headers(shop: Served) -> None:
    """Answers are safe to embed nowhere, sniff nowhere, and to call from everywhere."""
    response = await shop.client.get("/v1/trending", headers={"Origin": "https://shop.example"})
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers
    preflight = await shop.client.options(
        "/v1/recommendations",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert preflight.status_code == 200
    writing = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
    assert (await shop.client.options("/v1/users/u", headers=writing)).status_code == 400


async def test_openapi_describes_every_route(shop: Served) -> None:
    """Each operation has a summary, a tag and its errors; every reference leads somewhere."""
    schema = await shop.get("/openapi.json")
    operations = {
        (path, method): operation for path, methods in schema["paths"].items() for method, operation in methods.items()
    }
    assert ("/v1/users/{user_id}/recommendations", "get") in operations
    for where, operation in operations.items():
        assert operation.get("summary"), where
        assert operation.get("tags"), where
    text = (await shop.client.get("/openapi.json")).text
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= schema["components"]["schemas"].keys()
    assert "HTTPValidationError" not in text


async def test_a_new_version_is_served_after_publishing(shop: Served, stores: Stores, registry: Shelves) -> None:
    """The pointer moves, the process follows; rolling back is the same the other way."""
    await published(registry.hostile, stores)
    await shop.look_for_news()
    assert (await shop.get("/v1/trending"))["model_version"] == registry.hostile.version
    await stores.slates.point_to(registry.shop.version)
    await shop.look_for_news()
    slate = await shop.get(f"/v1/users/{user_id(1)}/recommendations")
    assert (slate["model_version"], slate["source"], slate["degraded"]) == (registry.shop.version, "personal", False)
