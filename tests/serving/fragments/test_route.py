"""Fragments over HTTP: each placement, keys and tokens, and what becomes of everything that goes wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.access.signing_secrets import SigningSecrets
from serving.front.front import Front
from serving.settings import AppSettings
from serving.stores import Stores
from tests.planted import HOSTILE_IDS, item_id, user_id
from tests.serving.access.tokens import user_token
from tests.serving.conftest import Serve, Served, Shelves, ids, published
from tests.serving.fragments.test_shelf import Drawn

pytestmark = pytest.mark.anyio

USER, ITEM = user_id(3), item_id(1)
HOME = "/v1/fragments/home"
QUESTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "home": ({"user": USER}, {"user_id": USER}),
    "product": ({"item": ITEM}, {"placement": "product", "seeds": {"viewed": [ITEM]}}),
    "bought-together": (
        {"item": ITEM, "user": USER},
        {"placement": "cart", "seeds": {"cart": [ITEM]}, "user_id": USER},
    ),
    "cart": ({"items": f"{ITEM}, {item_id(2)}"}, {"placement": "cart", "seeds": {"cart": [ITEM, item_id(2)]}}),
    "reorder": ({"user": USER, "limit": 3}, {"placement": "reorder", "user_id": USER, "limit": 3}),
    "trending": ({"category": "aisle 1"}, {"placement": "trending", "filters": {"categories": ["aisle 1"]}}),
    "bestsellers": ({}, {"placement": "bestsellers"}),
}
"""What is asked of each fragment, and of `POST /v1/recommendations` in its place."""


async def fragment(shop: Served, path: str, *, headers: dict[str, str] | None = None, **asked: Any) -> httpx.Response:
    """Ask for a fragment."""
    response = await shop.client.get(path, params=asked, headers=headers)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    return response


async def test_each_placement(shop: Served) -> None:
    """One section with the items of the slate that the same question gets as JSON, in its order."""
    for placement, (asked, question) in QUESTIONS.items():
        answer = await fragment(shop, f"/v1/fragments/{placement}", **asked)
        slate = await shop.post("/v1/recommendations", {"limit": 8, **question})
        found = Drawn(answer.text)
        assert answer.status_code == 200
        assert [tag for tag, _ in found.tags].count("section") == 1
        assert found.attributes("li", "data-item") == ids(slate), placement
        assert found.attributes("li", "data-rank") == [str(item["rank"]) for item in slate["items"]]
        assert found.attributes("section", "data-slate-id") == [answer.headers["x-slate-id"]]
        assert all(src and src.startswith("//shop.example/v1/items/") for src in found.attributes("img", "src"))


async def test_days_are_told_by_the_clock_of_the_log(shop: Served) -> None:
    """The log ends years ago: what is due after its end is not overdue, and the slate is dated by the same clock."""
    slate = await shop.post("/v1/recommendations", {"placement": "reorder", "user_id": USER, "limit": 20})
    end = shop.state.service.engine.model.as_of
    created = np.datetime64(slate["created_at"].rstrip("Z"), "s")
    assert end <= created < end + np.timedelta64(600, "s")
    due = [np.datetime64(item["reason"]["due_on"], "D") for item in slate["items"] if item["reason"]["due_on"]]
    later = [day > created.astype("datetime64[D]") + np.timedelta64(3, "D") for day in due]
    assert any(later)
    drawn = Drawn((await fragment(shop, "/v1/fragments/reorder", user=USER, limit=20, lang="en")).text)
    said = drawn.texts["reason"]
    assert sum(text.startswith("You may need it around") for text in said) == sum(later)
    assert sum(text == "Time to restock" for text in said) == len(due) - sum(later)


async def test_what_lacks_its_item_or_user_is_empty(shop: Served) -> None:
    """As a widget without them asks for nothing."""
    for placement in ("product", "bought-together", "reorder"):
        answer = await fragment(shop, f"/v1/fragments/{placement}")
        assert (answer.status_code, answer.content) == (200, b"")


async def test_nothing_to_show_is_empty(shop: Served) -> None:
    """With 200: nothing is wrong."""
    answer = await fragment(shop, HOME, category="no such category")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_guests_and_those_who_want_nothing_personal(shop: Served) -> None:
    """A guest's shelf follows what they looked at; with personal=false it is everybody's."""
    click = {"event": "click", "anonymous_id": "b-1", "item_id": ITEM}
    everybodys = Drawn((await fragment(shop, HOME)).text).attributes("li", "data-item")
    assert Drawn((await fragment(shop, HOME, anonymous_id="b-1")).text).attributes("li", "data-item") == everybodys
    await shop.post("/v1/events", {"events": [click]}, status=202)
    guests = Drawn((await fragment(shop, HOME, anonymous_id="b-1")).text).attributes("li", "data-item")
    assert guests != everybodys
    visitors: list[dict[str, Any]] = [{"anonymous_id": "b-1"}, {"user": USER}]
    for asked in visitors:
        plain = await fragment(shop, HOME, personal="false", **asked)
        assert Drawn(plain.text).attributes("li", "data-item") == everybodys


async def test_awkward_ids(serve: Serve, stores: Stores, registry: Shelves) -> None:
    """Whatever an id holds: in a JSON array, with or without a user of that name."""
    await published(registry.hostile, stores)
    async with serve() as shop:
        for awkward in HOSTILE_IDS:
            answer = await fragment(shop, "/v1/fragments/cart", user=awkward, items=json.dumps([awkward]))
            assert answer.status_code == 200
            assert awkward not in Drawn(answer.text).attributes("li", "data-item")
            assert set(Drawn(answer.text).attributes("li", "data-item")) <= set(HOSTILE_IDS)


MISTAKES: list[tuple[str, dict[str, Any], int, str]] = [
    (HOME, {"limit": 0}, 400, "invalid_parameter"),
    (HOME, {"limit": "many"}, 400, "invalid_parameter"),
    (HOME, {"heading_level": 7}, 400, "invalid_parameter"),
    (HOME, {"user": "a\nb"}, 400, "invalid_id"),
    ("/v1/fragments/cart", {"items": "a\tb"}, 400, "invalid_id"),
    ("/v1/fragments/cart", {"items": '["a", 7, "x\\ny"]'}, 400, "invalid_id"),
    ("/v1/fragments/nowhere", {}, 400, "invalid_parameter"),
    ("/v1/fragments/home/more", {}, 404, "not_found"),
    ("/v1/fragments/%ff", {}, 400, "invalid_id"),
]


async def test_mistakes_leave_a_gap(shop: Served) -> None:
    """The status is the problem's, the body is empty, and a header says which problem."""
    for path, asked, status, code in MISTAKES:
        answer = await fragment(shop, path, **asked)
        assert (answer.status_code, answer.content) == (status, b""), path
        assert answer.headers["x-problem"] == code
        assert answer.headers["content-length"] == "0"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_without_a_model_there_is_a_gap(serve: Serve) -> None:
    """Before anything was published."""
    async with serve() as empty:
        answer = await fragment(empty, HOME)
        assert (answer.status_code, answer.content, answer.headers["x-problem"]) == (503, b"", "no_model")
        assert answer.headers["retry-after"]


async def test_a_busy_server_leaves_a_gap(shop: Served) -> None:
    """Turned away in front of the framework, as before."""
    app: FastAPI = shop.app
    front = Front(app)
    transport = httpx.ASGITransport(front)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        assert (await client.get(HOME)).status_code == 200
        assert front._open is not None
        front._open.in_flight = front._open.max_in_flight
        answer, other = await client.get(HOME), await client.get("/v1/trending")
    assert (answer.status_code, answer.content, answer.headers["x-problem"]) == (503, b"", "overloaded")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert other.json()["code"] == "overloaded"


async def test_keys_and_tokens(serve: Serve, settings: AppSettings, stores: Stores, registry: Shelves) -> None:
    """A gap without a key; a user's shelf with a secret key or a token; a guest's otherwise."""
    now = datetime.now(UTC)
    page, server = mint("page", Kind.PUBLISHABLE, now=now), mint("server", Kind.SECRET, now=now)
    Keyring(settings.data_dir).change(lambda _: (page.kept, server.kept))
    secret = SigningSecrets(settings.data_dir).make("shop", now=now).text or ""
    await published(registry.shop, stores)
    async with serve() as shop:
        refused = await fragment(shop, HOME, user=USER)
        assert (refused.status_code, refused.content, refused.headers["x-problem"]) == (401, b"", "key_required")
        wrong = await fragment(shop, HOME, user=USER, key="pk_wrong")
        assert (wrong.status_code, wrong.content, wrong.headers["x-problem"]) == (401, b"", "key_unknown")
        own = await fragment(shop, HOME, headers={"X-API-Key": server.text}, user=USER)
        token = user_token(USER, secret).decode()
        vouched = await fragment(shop, HOME, headers={"X-User-Token": token}, user=USER, key=page.text)
        doubted = await fragment(shop, HOME, user=USER, key=page.text)
        guest = await fragment(shop, HOME, key=page.text)
    found = [Drawn(answer.text).attributes("li", "data-item") for answer in (own, vouched, doubted, guest)]
    assert found[0] == found[1] != found[2] == found[3]
    assert doubted.headers["x-user-token"] == "missing"


async def test_too_often_leaves_a_gap(serve: Serve, settings: AppSettings, stores: Stores, registry: Shelves) -> None:
    """429, and when to come back."""
    await published(registry.shop, stores)
    access = settings.access.model_copy(update={"rate_per_address": "1/hour"})
    async with serve(settings=settings.model_copy(update={"access": access})) as shop:
        await fragment(shop, HOME)
        answer = await fragment(shop, HOME)
    assert (answer.status_code, answer.content, answer.headers["x-problem"]) == (429, b"", "rate_limited")
    assert answer.headers["retry-after"]


async def test_an_own_template_that_fails_leaves_a_gap(
    serve: Serve, settings: AppSettings, stores: Stores, registry: Shelves, tmp_path: Path, caplog: Any
) -> None:
    """500 with an empty body; the log says what is wrong with it."""
    own = tmp_path / "own.html"
    own.write_text("{% for item in items %}{{ item.no_such_thing }}{% endfor %}")
    fragments = settings.fragments.model_copy(update={"template": own, "public_url": "https://reco.example"})
    await published(registry.shop, stores)
    async with serve(settings=settings.model_copy(update={"fragments": fragments})) as shop:
        answer = await fragment(shop, HOME)
    assert (answer.status_code, answer.content, answer.headers["x-problem"]) == (500, b"", "internal_error")
    assert "no_such_thing" in caplog.text


async def test_pictures_come_from_the_public_address(
    serve: Serve, settings: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """An include over an inner address shows pictures all the same; a host that is none is written nowhere."""
    await published(registry.shop, stores)
    async with serve() as shop:
        odd = await fragment(shop, HOME, headers={"Host": 'x"><script>'})
        assert "script" not in odd.text
        assert all(src and src.startswith("/v1/") for src in Drawn(odd.text).attributes("img", "src"))
    fragments = settings.fragments.model_copy(update={"public_url": "https://reco.example"})
    async with serve(settings=settings.model_copy(update={"fragments": fragments})) as shop:
        found = Drawn((await fragment(shop, HOME)).text).attributes("img", "src")
    assert all(src and src.startswith("https://reco.example/v1/items/") for src in found)


async def test_the_stylesheet(shop: Served) -> None:
    """It is kept for a while, and not sent again to those who have it."""
    answer = await shop.client.get("/widget.css")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert ".regulars-card" in answer.text
    again = await shop.client.get("/widget.css", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await shop.client.head("/widget.css")).status_code == 200
