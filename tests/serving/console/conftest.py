"""The planted shop with its console, looked at from this machine."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from serving.access.keyring import Keyring
from serving.access.keys import Kind, Minted, mint
from serving.access.scopes import Scope
from serving.settings import AppSettings
from serving.stores import Stores
from tests.serving.conftest import Serve, Served, Shelves, published
from tests.serving.web.conftest import browser, chromium

__all__ = ["browser", "chromium"]

HERE = "http://127.0.0.1:8000"

Look = Callable[..., AbstractAsyncContextManager[Served]]


def made(settings: AppSettings, kind: Kind = Kind.SECRET, **options: Any) -> Minted:
    """Make a key in the app's data folder."""
    minted = mint("team", kind, now=datetime.now(UTC), **{"scopes": (Scope.OPERATIONS,), **options})
    Keyring(settings.data_dir).change(lambda keys: (*keys, minted.kept))
    return minted


@contextlib.asynccontextmanager
async def looked_at(running: Served, *, address: str = "127.0.0.1", at: str = HERE) -> AsyncIterator[Served]:
    """Speak to a running app as a browser of some machine would, without following redirects."""
    transport = httpx.ASGITransport(running.app, raise_app_exceptions=False, client=(address, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url=at) as client:
        yield Served(running.app, client)


@pytest.fixture
async def console(serve: Serve, stores: Stores, registry: Shelves) -> AsyncIterator[Served]:
    """The planted shop without keys, from this machine."""
    await published(registry.shop, stores)
    async with serve() as running, looked_at(running) as here:
        yield here


@pytest.fixture
async def empty(serve: Serve, tmp_path: Any) -> AsyncIterator[Served]:
    """A shop in which nothing was trained yet."""
    async with serve(registry_root=tmp_path / "nothing") as running, looked_at(running) as here:
        yield here


async def page(here: Served, path: str, *, status: int = 200, **params: Any) -> str:
    """Return the text of a page of the console."""
    answer = await here.client.get(f"/console{path}", params=params or None)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text
