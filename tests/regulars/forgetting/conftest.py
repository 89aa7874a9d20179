"""A shop that is served while people are forgotten."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from regulars.config import Config, load
from serving.app import create_app
from serving.settings import AppSettings
from serving.stores import embedded
from serving.stores.redis import RedisStores
from tests.regulars.conftest import Shop
from tests.serving.conftest import Served, served


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of servers."""
    return "asyncio"


@dataclass(frozen=True, slots=True)
class Running:
    """A published shop with a store that runs."""

    shop: Shop
    config: Config
    settings: AppSettings
    """Those of a server."""

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.settings.data_dir

    def served(self) -> contextlib.AbstractAsyncContextManager[Served]:
        """Start a server of it, in this process."""
        return served(create_app(self.settings))

    @contextlib.asynccontextmanager
    async def stores(self) -> AsyncIterator[RedisStores]:
        """Ask the store."""
        stores = RedisStores.connect(self.settings.redis.url or "", self.settings, timeout_seconds=10)
        try:
            yield stores
        finally:
            await stores.close()

    def files_with(self, text: str, *, but: Callable[[Path], bool]) -> list[str]:
        """Return the files of the data folder that hold a text, but for some, relative to it."""
        found = [path for path in self.data.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
        return sorted(str(path.relative_to(self.data)) for path in found if not but(path))


@pytest.fixture
def running(trained_shop: Shop, tmp_path: Path) -> Iterator[Running]:
    """A copy of the trained shop, published into its own embedded store."""
    shop = Shop(Path(shutil.copytree(trained_shop.folder, tmp_path / "shop")))
    assert shop.run("publish", "--force") == 0
    config = load(shop.config)
    with embedded.running(config.app.data_dir) as url:
        redis = config.app.redis.model_copy(update={"url": url, "timeout_ms": 10_000})
        yield Running(shop, config, config.app.model_copy(update={"redis": redis}))
