"""What a client may not do to a server: send too much, too slowly, too deep, or have its own words come back."""

from __future__ import annotations

import asyncio
import json
import logging
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from starlette.types import Message, Receive, Scope, Send

from serving.patience import Patience
from serving.problems import MAX_ECHO
from serving.schemas import MAX_BATCH
from serving.security import MAX_VALUES, BodyLimit
from tests.planted import HOSTILE_IDS, item_id, user_id
from tests.serving.conftest import Served

pytestmark = pytest.mark.anyio

BODIES = {"/v1/recommendations": "POST", "/v1/events": "POST", "/v1/items": "PUT"}
FORGED = "x\n2026-01-01T00:00:00Z ERROR forged"


@pytest.mark.parametrize("path", BODIES)
async def test_too_many_values_are_refused_unread(shop: Served, path: str) -> None:
    """A body within the size may still hold more values than any request has: 413 before it is parsed."""
    body = b"[" + b"0," * MAX_VALUES + b"0]"
    response = await shop.client.request(BODIES[path], path, content=body)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


async def test_the_largest_batch_passes(shop: Served) -> None:
    """A full batch with every field is far below the limit."""
    fields = {"price": 1.5, "quantity": 2, "order_id": "o", "session_id": "s", "slate_id": "x", "placement": "home"}
    events = [{"event": "purchase", "item_id": item_id(1), "user_id": user_id(1), **fields} for _ in range(MAX_BATCH)]
    assert (await shop.post("/v1/events", {"events": events}, status=202))["accepted"] == MAX_BATCH


@pytest.mark.parametrize("depth", [100, 100_000])
@pytest.mark.parametrize("path", BODIES)
async def test_nesting_ends_in_an_answer(shop: Served, path: str, depth: int) -> None:
    """However deep values are nested, the answer is the client's mistake and not ours."""
    for body in ("[" * depth + "]" * depth, '{"events": [{"event": ' * depth, '{"a":' * depth + "1" + "}" * depth):
        response = await shop.client.request(BODIES[path], path, content=body)
        assert (response.status_code, response.json()["code"]) in {(422, "invalid_body"), (413, "body_too_large")}


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
async def test_compressed_bodies_are_not_unpacked(shop: Served, encoding: str) -> None:
    """A small body stays small: nothing is decompressed here, so nothing can explode."""
    import gzip

    body = gzip.compress(b'{"events": []}' + b" " * 1_000_000)
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    for path, method in BODIES.items():
        assert (await shop.client.request(method, path, content=body, headers=headers)).status_code == 422


async def test_a_slow_body_is_not_waited_for() -> None:
    """A client that stops half-way is told so, and holds nothing any more."""
    sent: list[Message] = []
    chunks: Iterator[Message] = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> Message:
        if (chunk := next(chunks, None)) is not None:
            return chunk
        await asyncio.Event().wait()
        raise AssertionError

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.exceptions import HTTPException

        try:
            while True:
                await receive()
        except HTTPException as error:
            sent.append({"status": error.status_code})

    async def send(message: Message) -> None:
        sent.append(message)

    app = BodyLimit(reads, max_bytes=1000, patience=Patience(0.05))
    async with asyncio.timeout(5):
        await app({"type": "http", "headers": []}, receive, send)
    assert sent == [{"status": 408}]


async def test_after_a_body_there_is_time() -> None:
    """The limit is the body's: an answer may take longer, and still hears that its client has gone."""
    messages: Iterator[Message] = iter([{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}])
    heard: list[str] = []

    async def receive() -> Message:
        await asyncio.sleep(0.03)
        return next(messages)

    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append((await receive())["type"])
        await asyncio.sleep(0.1)
        heard.append((await receive())["type"])

    async def send(message: Message) -> None:
        raise AssertionError

    await BodyLimit(answers, max_bytes=1000, patience=Patience(0.08))({"type": "http", "headers": []}, receive, send)
    assert heard == ["http.request", "http.disconnect"]


async def test_answers_do_not_repeat_what_is_long(shop: Served) -> None:
    """A refusal is short, whatever the length of the field, the id or the event it is about."""
    long = "x" * 400_000
    bodies: list[tuple[str, Any]] = [
        ("/v1/recommendations", {long: 1}),
        ("/v1/recommendations", {"placement": long}),
        ("/v1/events", {"events": [{"event": long, "event_id": long}]}),
        ("/v1/events", {"events": [{"event": [long], "event_id": long}]}),
        ("/v1/items", {"items": [{"item_id": "a", long: 1}]}),
    ]
    for path, body in bodies:
        response = await shop.client.request(BODIES[path], path, json=body)
        assert response.status_code in (202, 422)
        assert len(response.content) < 10 * MAX_ECHO, path


async def test_strangers_look_like_customers(shop: Served) -> None:
    """Status, headers and fields tell nobody whether a user exists; erasing and reporting answer alike too.

    Whoever may ask about a user sees what they bought, so only a shelf of past purchases may be empty.
    """

    def shape(response: Any) -> Any:
        body = response.json()
        headers = sorted(set(response.headers) - {"date"})
        return response.status_code, headers, sorted(body)

    def items(response: Any) -> Any:
        return [sorted(item) for item in response.json()["items"]]

    for path in ("/v1/users/{}/recommendations", "/v1/users/{}/buy-again", "/v1/trending?user_id={}"):
        known, unknown = [await shop.client.get(path.format(user)) for user in (user_id(3), "stranger")]
        assert shape(known) == shape(unknown), path
        assert items(known) == items(unknown) or (items(unknown) == [] and "buy-again" in path)
    for user in (user_id(4), "another stranger"):
        body = {"events": [{"event": "click", "user_id": user, "item_id": item_id(1), "event_id": f"e-{user}"}]}
        assert await shop.post("/v1/events", body, status=202) == {
            "accepted": 1,
            "duplicates": 0,
            "repeated": [],
            "rejected": [],
            "kept_in": "stream",
        }
        response = await shop.client.delete(f"/v1/users/{quote(user)}")
        assert response.json() == {"user_id": user, "shared": True}


async def test_no_line_of_the_log_is_a_clients(shop: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Line breaks and escapes in paths, queries, headers, ids and bodies begin no line of their own."""
    hostile = [FORGED, "\x1b[2J", "\u2028x", "\x85x", *HOSTILE_IDS]
    with caplog.at_level(logging.DEBUG, logger="serving"):
        for text in hostile:
            segment = quote(text, safe="")
            for path in (f"/v1/users/{segment}/recommendations", f"/{segment}", f"/v1/trending?category={segment}"):
                await shop.client.get(path, headers={"X-Request-ID": segment, "Origin": segment[:200]})
            await shop.client.delete(f"/v1/users/{segment}")
            await shop.client.put("/v1/items", json={"items": [{"item_id": text, "title": text, "url": text}]})
            await shop.client.post("/v1/events", json={"events": [{"event": text, "user_id": text, "item_id": text}]})
            await shop.client.post("/v1/events", content=text.encode())
    for record in caplog.records:
        line = record.getMessage()
        assert not any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in line), line


async def test_nobody_is_led_elsewhere(shop: Served) -> None:
    """No address makes a redirect; the demo shop's own are tested with it."""
    for path in ("//evil.example", "//evil.example/..", "/\\evil.example", "/shop/", "/v1/trending/", "/?next=//evil"):
        response = await shop.client.get(f"http://shop.example{path}", headers={"Host": "evil.example"})
        location = response.headers.get("location")
        assert location is None, path


async def test_pages_carry_their_headers(shop: Served) -> None:
    """Every answer forbids sniffing and framing; pictures carry a policy that allows nothing."""
    for path in (
        "/widget.js",
        "/v1/trending",
        "/metrics",
        "/nothing",
        "/openapi.json",
    ):
        headers = (await shop.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] in ("DENY", "SAMEORIGIN"), path
        assert "referrer-policy" in headers, path
        assert "set-cookie" not in headers, path
    picture = await shop.client.get(f"/v1/items/{quote('<script>alert(1)</script>', safe='')}/picture.svg")
    assert picture.headers["content-security-policy"] == "default-src 'none'"
    assert "<script" not in picture.text


async def test_clients_make_up_no_metrics(shop: Served) -> None:
    """Methods, paths and headers that nobody knows are counted under names of ours."""

    async def figures_after(numbers: range) -> int:
        for number in numbers:
            origin = {"Origin": f"https://{number}.example"}
            await shop.client.request(f"MADEUP{number}", f"/made/up/{number}", headers=origin)
            await shop.client.get(f"/v1/users/{number}/recommendations")
        text = (await shop.client.get("/metrics")).text
        assert 'method="OTHER",route="none"' in text
        return len(text.splitlines())

    await figures_after(range(2))  # asks for /metrics too, which is a figure of its own
    assert await figures_after(range(2, 4)) == await figures_after(range(4, 40))


async def test_formulas_stay_data(shop: Served) -> None:
    """What looks like markup, a formula or a query in a filter is a text that matches nothing."""
    for text in ("<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "'; FLUSHALL; --", "*", "{{7*7}}", "${7*7}"):
        slate = await shop.get("/v1/trending", category=text)
        assert text not in json.dumps(slate)
        assert (await shop.get("/v1/trending", exclude=text))["items"]
