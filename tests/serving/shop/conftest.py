"""The demo shop over the planted model, and a browser without scripts that visits it."""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from serving.settings import AppSettings
from serving.stores import Stores
from tests.serving.conftest import Serve, Served, Shelves, published

HERE = "http://localhost:8000"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a cookie jar."""

    client: httpx.AsyncClient
    served: Served

    async def see(self, name: str = "", /, *, status: int = 200, **parameters: Any) -> str:
        """Return a page's HTML."""
        response = await self.client.get(f"/shop/{name}" if name else "/shop", params=parameters)
        assert response.status_code == status, response.text
        assert response.headers["content-type"].startswith("text/html")
        return response.text

    async def send(self, name: str, /, **fields: Any) -> httpx.Response:
        """Send a form of this visit; return the answer, which leads elsewhere."""
        token = await self.token()
        response = await self.client.post(f"/shop/{name}", data={"form": token, **fields})
        assert response.status_code == 303, response.text
        return response

    async def does(self, name: str, /, **fields: Any) -> str:
        """Send a form, follow where it leads, and return that page."""
        answer = await self.send(name, **fields)
        followed = await self.client.get(answer.headers["location"].replace("../", "/"))
        assert followed.status_code == 200, followed.text
        return followed.text

    async def token(self) -> str:
        """Return what this visit's forms carry. Asks for an address that tells no news."""
        found = re.search(r'data-form="(\w+)"', await self.see("item", status=404, id="no such item"))
        assert found is not None
        return found[1]

    async def shelf(self, user: str, limit: int = 12) -> list[str]:
        """Return what a user's home shelf shows now."""
        slate = await self.served.get(f"/v1/users/{user}/recommendations", limit=limit)
        return [item["item_id"] for item in slate["items"]]


def news(page: str) -> str:
    """Return what a page says has just changed, as text."""
    found = re.search(r"<section class=\"news\".*?</section>", page, re.DOTALL)
    return "" if found is None else " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


def shown(page: str) -> list[str]:
    """Return the ids of the items a page lists, in their order."""
    links = re.findall(r'<a class="title" href="[^"?]*\?id=([^"&]*)', page)
    return [httpx.QueryParams(f"id={html.unescape(link)}")["id"] for link in links]


@pytest.fixture
def settings(settings: AppSettings) -> AppSettings:
    """Settings of a demo on one's own machine."""
    serving = settings.serving.model_copy(update={"demo_shop": "local"})
    return settings.model_copy(update={"serving": serving})


Visit = Callable[..., AbstractAsyncContextManager[Visitor]]


@pytest.fixture
def visit(serve: Serve) -> Visit:
    """Start an app and enter it; keyword arguments as for `serve`."""

    @contextlib.asynccontextmanager
    async def enter(**replaced: Any) -> AsyncIterator[Visitor]:
        async with serve(**replaced) as served:
            transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
                yield Visitor(client, served)

    return enter


@pytest.fixture
async def visitor(visit: Visit, stores: Stores, registry: Shelves) -> AsyncIterator[Visitor]:
    """A guest at the door of the planted shop."""
    await published(registry.shop, stores)
    async with visit() as entered:
        yield entered
