"""The front and the framework's routes answer the same: status, headers and bodies, of ten thousand requests.

Requests are drawn from a fixed seed: users and items known, unknown and hostile, parameters right, wrong and repeated,
keys right, wrong and missing, tokens of the user, of others, expired and forged, origins listed and not, addresses that
are no UTF-8. What is random in every answer (ids of slates and requests, the time) is left out of the comparison.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import numpy as np
import orjson
import pytest
from fastapi import FastAPI

from recommender.errors import StoreUnavailable
from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.access.scopes import Scope
from serving.access.signing_secrets import SigningSecrets
from serving.access.user_tokens import Doubt
from serving.app import create_app
from serving.clock import WallClock
from serving.experiment_settings import ExperimentSettings
from serving.front.front import Front
from serving.settings import AppSettings
from serving.state import state_of
from serving.stores import Stores
from serving.stores.memory import MemoryStores
from tests.planted import HOSTILE_IDS, item_id, user_id
from tests.serving.access.tokens import user_token
from tests.serving.conftest import Shelves, published

pytestmark = pytest.mark.anyio

REQUESTS = 10_000
PER_WORLD = REQUESTS // 4
SHOP, EVIL = b"https://shop.example", b"https://evil.example"
RANDOM = frozenset({b"x-request-id", b"content-length"})
"""Headers that differ by chance; the length is written by the server that sends the answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    raw_path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    def scope(self) -> dict[str, Any]:
        """Return it as the server hands it over."""
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50_000),
            "scheme": "http",
            "path": unquote_to_bytes(self.raw_path).decode("utf-8", "replace"),
            "raw_path": self.raw_path,
            "query_string": self.query,
            "headers": list(({b"host": b"shop"} | dict(self.headers)).items()),
            "method": self.method,
            "root_path": "",
        }


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, without what is random in it."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: Any


async def answer(app: Any, asked: Asked) -> Answered:
    """Ask an application."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(asked.scope(), receive, send)
    start, body = sent[0], b"".join(message.get("body", b"") for message in sent[1:])
    headers = sorted((bytes(name).lower(), bytes(value)) for name, value in start["headers"])
    kept = tuple(pair for pair in headers if pair[0] not in RANDOM or pair in asked.headers)
    assert any(name == b"x-request-id" for name, _ in headers)
    return Answered(start["status"], kept, comparable(body))


def comparable(body: bytes) -> Any:
    """Return a body without the slate's id and time."""
    if not body.startswith(b'{"slate_id"'):
        return body
    content = orjson.loads(body)
    assert len(content.pop("slate_id")) == 32
    assert content.pop("created_at").endswith("Z")
    return content


class Requests:
    """Draws requests."""

    def __init__(self, seed: int, keys: list[bytes], secret: str) -> None:
        self._random = random.Random(seed)
        self._secret = secret
        self._user = ""
        self._keys = [*keys, b"pk_wrong", b"sk_wrong", b""]

    def __iter__(self) -> Iterator[Asked]:
        for _ in range(PER_WORLD):
            yield Asked(self._method(), self._path(), self._query(), tuple(self._headers()))

    def _method(self) -> str:
        return self._random.choices(("GET", "HEAD", "POST"), (30, 1, 1))[0]

    def _path(self) -> bytes:
        pick = self._random
        user = pick.choice([user_id(pick.randrange(200)), user_id(pick.randrange(200)), "stranger", *HOSTILE_IDS, ""])
        self._user = user
        item = pick.choice([item_id(pick.randrange(120)), "no such thing", *HOSTILE_IDS, "x" * pick.choice([100, 600])])
        safe = pick.choice(["", "/"])
        path = pick.choices(
            (
                f"/v1/users/{quote(user, safe=safe)}/recommendations",
                f"/v1/items/{quote(item, safe=safe)}/similar",
                f"/v1/users/{quote(user, safe=safe)}/buy-again",
                "/v1/trending",
                "/v1/bestsellers",
                "/v1/nothing",
                "/v1/users/a%0Ab/recommendations",
                "/v1/users/%ff%fe/recommendations",
                "/v1/users/%EF%BF%BD/recommendations",
                "/v1/users/a/recommendations/recommendations",
                "/v1/items//similar",
                "/v1/trending/",
            ),
            (30, 15, 2, 5, 5, 1, 1, 1, 1, 1, 1, 1),
        )[0]
        return path.encode()

    def _query(self) -> bytes:
        pick = self._random
        pairs = [
            "limit="
            + pick.choice(["1", "5", "10", "24", "40", "60", "100", "0", "101", "07", "+5", "1.0", "x", "", "٣"]),
            "placement=" + pick.choice(["home", "email", "cart", "product", "nowhere", ""]),
            "new_only=" + pick.choice(["true", "false", "1", "0", "yes", "TRUE", "", "maybe"]),
            "reasons=" + pick.choice(["true", "false", "1", "0", "no", "2"]),
            "category=" + pick.choice(["aisle%201", "none", ""]),
            "exclude=" + quote(item_id(pick.randrange(120))),
            "price_max=" + pick.choice(["5", "-1", "nan"]),
            "in_stock=" + pick.choice(["true", "false"]),
            "user_id=" + quote(user_id(pick.randrange(200))),
            "key=" + pick.choice([key.decode() for key in self._keys]),
            "utm_source=mail",
            "%ff=1",
            "key=%ff",
            "limit",
            "&&",
        ]
        weights = (9, 3, 4, 4, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1)
        if pick.random() < 0.4:
            return b""
        return "&".join(pick.choices(pairs, weights, k=pick.randrange(1, 4))).encode()

    def _headers(self) -> Iterator[tuple[bytes, bytes]]:
        pick = self._random
        if pick.random() < 0.3:
            yield b"sec-fetch-site", pick.choice([b"same-origin", b"same-origin", b"same-site", b"cross-site", b"none"])
            yield b"host", pick.choice([b"shop.example", b"Shop.Example", b"evil.example", b""])
        if pick.random() < 0.5:
            yield b"origin", pick.choice([SHOP, SHOP, EVIL, b"null", b"\xe9"])
        if pick.random() < 0.3:
            yield b"x-request-id", pick.choice([b"req-17", b"a b", b"x" * 200, b"", "ü".encode()])
        if self._keys[:-3] and pick.random() < 0.9:
            name, prefix = pick.choice(
                [(b"x-api-key", b""), (b"authorization", b"Bearer "), (b"authorization", b"Basic ")]
            )
            yield name, prefix + pick.choice(self._keys[:-3] * 3 + self._keys)
        if pick.random() < 0.7:
            yield b"x-user-token", self._token()

    def _token(self) -> bytes:
        pick = self._random
        user = pick.choices((self._user, user_id(pick.randrange(200))), (5, 1))[0]
        good, expired = user_token(user, self._secret), user_token(user, self._secret, seconds=-3600)
        forged = [user_token(user, "ss_" + "x" * 43), good + b"x", b"a.b.c", b"\xff", b""]
        return pick.choices((good, expired, pick.choice(forged)), (6, 2, 2))[0]


class Standing(WallClock):
    """Time does not pass between two answers that are to be compared."""

    def now(self, as_of: np.datetime64) -> np.datetime64:
        moment: np.datetime64 = as_of.astype("datetime64[s]")
        return moment


class Absent(MemoryStores):
    """A store that answers nothing about users."""

    def __init__(self, like: MemoryStores) -> None:
        super().__init__()
        self.slates = like.slates
        self.slates.read_user = self._refuse  # type: ignore[method-assign]

    async def _refuse(self, user_id: str, *, version: str | None) -> Any:
        raise StoreUnavailable("away")


@dataclass(slots=True)
class Compared:
    """What became of many requests."""

    differences: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    doubts: Counter[bytes] = field(default_factory=Counter)
    """Of users who were named, and not believed."""
    users: Counter[str | None] = field(default_factory=Counter)
    """Whom requests with a token were answered as."""
    from_own_page: Counter[int] = field(default_factory=Counter)
    """Statuses of requests without an origin, of which the browser says that the page is the shop's own."""
    groups: Counter[str] = field(default_factory=Counter)
    """Groups of an experiment that were named."""
    opted_out: int = 0
    """Users who were told that they get no personal picks."""

    def add(self, asked: Asked, front: Answered, route: Answered) -> None:
        """Take notice of two answers to one request."""
        self.statuses[front.status] += 1
        brought = dict(asked.headers)
        if (brought.get(b"sec-fetch-site"), brought.get(b"host")) == (b"same-origin", b"shop.example"):
            self.from_own_page[front.status] += (
                b"origin" not in brought and brought.get(b"x-api-key", b"")[:3] == b"pk_"
            )
        self.doubts.update(value for name, value in front.headers if name == b"x-user-token")
        if b"x-user-token" in dict(asked.headers) and isinstance(front.body, dict):
            self.users[front.body["user_id"]] += 1
        if isinstance(front.body, dict) and "variant" in front.body:
            self.groups[front.body["variant"]] += 1
        if isinstance(front.body, dict) and "personalization" in front.body:
            self.opted_out += 1
        if front != route:
            self.differences.append(f"{asked}\n  front: {front}\n  route: {route}")


async def compared(app: FastAPI, requests: Requests) -> Compared:
    """Ask both."""
    found = Compared()
    async with app.router.lifespan_context(app):
        state = state_of(app)
        state.service._pauses.may_compute = lambda: False  # type: ignore[method-assign]  # chance must not decide
        front = Front(app)
        for number in range(0, 200, 4):
            await state.opt_outs.choose(user_id(number), on=False)
            # Known to the store alone: another process was asked, and this one has not looked for news since.
            await state.stores.slates.choose({user_id(number + 1): -1})
        for asked in requests:
            found.add(asked, await answer(front, asked), await answer(app, asked))
    return found


@pytest.fixture
async def memory(registry: Shelves) -> MemoryStores:
    """A store in memory with the planted shop's candidates."""
    stores = MemoryStores()
    await published(registry.shop, stores)
    return stores


def world(settings: AppSettings, name: str) -> tuple[AppSettings, list[bytes], str]:
    """Return settings, keys and a signing secret of one of the worlds."""
    keys: list[bytes] = []
    secret = SigningSecrets(settings.data_dir).make("shop", now=datetime.now(UTC)).text or ""
    if name == "closed":
        now = datetime.now(UTC)
        minted = (
            mint("page", Kind.PUBLISHABLE, now=now, origins=(SHOP.decode(),)),
            mint("shop", Kind.SECRET, now=now, scopes=tuple(Scope)),
        )
        Keyring(settings.data_dir).change(lambda _: tuple(key.kept for key in minted))
        keys = [key.text.encode() for key in minted]
    if name == "trial":
        trial = ExperimentSettings(
            control=0.3,
            variants={"new": 0.2, "plain": 0.2, "usual": 0.2},
            changes={"new": {"new_only": True}, "plain": {"reasons": False}},  # type: ignore[dict-item]  # pydantic's
        )
        settings = settings.model_copy(update={"experiments": {"trial": trial}})
    if name != "open":
        serving = settings.serving.model_copy(update={"cors_origins": (SHOP.decode(),)})
        settings = settings.model_copy(update={"serving": serving})
    return settings, keys, secret


@pytest.mark.parametrize(("name", "seed"), [("open", 1), ("closed", 2), ("away", 3), ("empty", 4), ("trial", 5)])
async def test_front_and_routes_answer_alike(
    settings: AppSettings, registry: Shelves, memory: MemoryStores, name: str, seed: int
) -> None:
    """An open shop, one with keys, one whose store is away, one without candidates, one in an experiment: all alike."""
    settings, keys, secret = world(settings, name)
    stores: dict[str, Stores] = {"away": Absent(memory), "empty": MemoryStores()} if name in ("away", "empty") else {}
    with registry.marked(registry.shop):
        app = create_app(settings, store=stores.get(name, memory), registry_root=registry.root, clock=Standing())
        found = await compared(app, Requests(seed, keys, secret))
    differ, statuses = found.differences, found.statuses
    assert not differ, f"{len(differ)} of {PER_WORLD} differ; the first:\n" + "\n".join(differ[:3])
    assert statuses[200] > PER_WORLD / 10
    assert statuses[400] > PER_WORLD / 20
    assert (401 in statuses, 403 in statuses) == (bool(keys), bool(keys))
    assert (found.from_own_page[200] > 0) == bool(keys)
    assert found.users[None] > PER_WORLD / 50
    assert found.opted_out > PER_WORLD / 250
    assert found.users.total() - found.users[None] > PER_WORLD / 50
    assert set(found.doubts) == ({doubt.encode() for doubt in Doubt} if keys else set())
    groups = {"control", "new", "plain", "usual"}
    assert all((found.groups[group] > PER_WORLD / 100) == (name == "trial") for group in groups), found.groups
