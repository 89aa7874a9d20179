"""A served shop: a real artifact, an app over it, a client that speaks to it in process."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from recommender.artifact import load_artifact, save_artifact
from recommender.engine import Engine
from recommender.model import Model
from serving import housekeeping
from serving.app import create_app
from serving.publisher import Publication, publish
from serving.scoring import InThread, Records
from serving.settings import AppSettings, RedisSettings, ServingSettings
from serving.state import State, state_of
from serving.stores import Stores, embedded
from serving.stores.redis import RedisStores
from tests.models import PROVENANCE, hostile_model, shop_model
from training.progress import SilentProgress


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real, embedded Valkey for this test process."""
    with embedded.running(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@dataclass(frozen=True, slots=True)
class Shelves:
    """A registry with artifacts in it."""

    root: Path
    shop: Engine
    hostile: Engine

    @contextlib.contextmanager
    def marked(self, engine: Engine) -> Iterator[None]:
        """Name the engine's version as the current one for a while."""
        (self.root / "CURRENT").write_text(f"{engine.version}\n", encoding="utf-8")
        yield
        (self.root / "CURRENT").unlink()


def saved(model: Model, root: Path) -> Engine:
    version = save_artifact(model, PROVENANCE, root).version
    return Engine(load_artifact(root / version).model, version=version)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Shelves:
    """Two artifacts: a planted shop, and one whose ids are awkward. Nothing is marked as current."""
    root = tmp_path_factory.mktemp("artifacts")
    return Shelves(root, saved(shop_model(), root), saved(hostile_model(), root))


@pytest.fixture
def settings(tmp_path: Path, valkey_url: str) -> AppSettings:
    """Settings of a patient app that rarely does its chores by itself: tests say when."""
    return AppSettings(
        data_dir=tmp_path / "data",
        shop_name="Corner",
        currency="EUR",
        serving=ServingSettings(clock="data", poll_seconds=60, drain_seconds=3600),
        redis=RedisSettings(url=valkey_url, timeout_ms=10_000),
    )


@pytest.fixture
async def stores(settings: AppSettings) -> AsyncIterator[RedisStores]:
    """The three stores over the embedded Valkey, emptied."""
    connected = RedisStores.connect(settings.redis.url or "", settings)
    await connected.connection.command("FLUSHALL")
    yield connected
    await connected.close()


@dataclass(frozen=True, slots=True)
class Served:
    """A started app and a client."""

    app: FastAPI
    client: httpx.AsyncClient

    @property
    def state(self) -> State:
        return state_of(self.app)

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        response = await self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    async def post(self, path: str, body: Any, *, status: int = 200) -> dict[str, Any]:
        response = await self.client.post(path, json=body)
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def put_items(self, *items: dict[str, Any]) -> dict[str, Any]:
        response = await self.client.put("/v1/items", json={"items": items})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def look_for_news(self) -> None:
        await housekeeping.look_for_news(self.state)


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[Served]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client,
    ):
        yield Served(app, client)


@pytest.fixture
def serve(settings: AppSettings, stores: RedisStores, registry: Shelves) -> Serve:
    """Start an app; keyword arguments replace settings, stores and registry."""

    def start(**replaced: Any) -> AbstractAsyncContextManager[Served]:
        options: dict[str, Any] = {"store": stores, "registry_root": registry.root} | replaced
        return served(create_app(options.pop("settings", settings), **options))

    return start


@pytest.fixture
async def shop(serve: Serve, stores: Stores, registry: Shelves) -> AsyncIterator[Served]:
    """The planted shop, published and served."""
    await published(registry.shop, stores)
    async with serve() as running:
        yield running


async def published(engine: Engine, stores: Stores) -> Publication:
    return await publish(engine, stores.slates, progress=SilentProgress(), scoring=scored_once(engine))


class ScoredOnce:
    """`Scoring` that remembers the records of a user at a moment: hundreds of tests publish the same shop."""

    def __init__(self, engine: Engine) -> None:
        self._scoring = InThread(engine)
        self._known: dict[tuple[str, np.datetime64], bytes] = {}

    async def batches(self, users: Sequence[str], *, now: np.datetime64) -> AsyncGenerator[Records, None]:
        """Score who was not scored before, and yield all at once."""
        unknown = [user for user in users if (user, now) not in self._known]
        async with contextlib.aclosing(self._scoring.batches(unknown, now=now)) as batches:
            async for records in batches:
                self._known |= {(user, now): record for user, record in records}
        yield [(user, self._known[user, now]) for user in users]


@functools.cache
def scored_once(engine: Engine) -> ScoredOnce:
    return ScoredOnce(engine)


def ids(slate: dict[str, Any]) -> list[str]:
    """The item ids of a slate, in order."""
    return [item["item_id"] for item in slate["items"]]


@functools.cache
def end_of_log() -> np.datetime64:
    return shop_model().as_of


async def eventually(condition: Callable[[], Any], *, seconds: float = 20) -> None:
    """Wait until an async condition holds."""
    with anyio.fail_after(seconds):
        while not await condition():
            await anyio.sleep(0.02)
