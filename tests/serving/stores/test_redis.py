"""What only a real server can show: expiry, eviction, absence."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from recommender.errors import ConfigError, StoreUnavailable
from serving.settings import AppSettings, RedisSettings
from serving.stores import embedded, keys
from serving.stores.breaker import BreakerState
from serving.stores.redis import RedisStores

pytestmark = pytest.mark.anyio

SETTINGS = AppSettings(redis=RedisSettings(timeout_ms=10_000, keep_days=1.0))
DAY = 86_400


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded.running(tmp_path_factory.mktemp("data")) as address:
        yield address


@pytest.fixture
async def stores(url: str) -> AsyncIterator[RedisStores]:
    valkey = RedisStores.connect(url, SETTINGS)
    await valkey.connection.command("FLUSHALL")
    yield valkey
    await valkey.close()


async def seconds_left(stores: RedisStores, version: str) -> int:
    return int(await stores.connection.command("TTL", keys.candidates(version, "a")))


async def test_candidates_expire_unless_their_version_is_served(stores: RedisStores) -> None:
    """Written: expires. Served: stays. Superseded: expires again. Rolled back to: stays."""
    await stores.slates.write("v1", [("a", b"1")])
    assert DAY < await seconds_left(stores, "v1") <= 1.2 * DAY
    await stores.slates.point_to("v1", users=1)
    await stores.slates.settle()
    assert await seconds_left(stores, "v1") == -1
    await stores.slates.write("v2", [("a", b"2")])
    await stores.slates.point_to("v2", users=1)
    await stores.slates.settle()
    assert await seconds_left(stores, "v2") == -1
    assert DAY < await seconds_left(stores, "v1") <= 1.2 * DAY
    await stores.slates.point_to("v1")
    await stores.slates.settle()
    assert await seconds_left(stores, "v1") == -1
    assert await seconds_left(stores, "v2") > DAY


async def test_a_version_is_forgotten_only_after_its_candidates(stores: RedisStores) -> None:
    """The manifest that allows a rollback goes before the candidates, the name that erasure needs goes after."""
    for version in ("v1", "v2"):
        await stores.slates.write(version, [("a", b"1")])
        await stores.slates.point_to(version, users=1)
    await stores.slates.settle()
    manifest = int(await stores.connection.command("TTL", keys.manifest("v1")))
    named_until = float(await stores.connection.command("ZSCORE", keys.VERSIONS, "v1"))
    assert manifest < await seconds_left(stores, "v1") < named_until - time.time()


async def test_fresh_events_expire(stores: RedisStores) -> None:
    """A list nobody adds to goes away."""
    await stores.slates.remember({"a": [b"1"]})
    assert int(await stores.connection.command("TTL", keys.fresh("a"))) > 29 * DAY


async def test_absent_server_is_said_quickly_and_then_at_once(tmp_path: Path) -> None:
    """The first calls fail in their time; then the breaker answers without asking."""
    stores = RedisStores.connect(f"unix://{tmp_path}/nobody.sock", AppSettings())
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match=r"nobody\.sock did not answer"):
            await stores.slates.pointer()
    assert stores.breaker_state is BreakerState.OPEN
    started = time.perf_counter()
    for _ in range(100):
        with pytest.raises(StoreUnavailable, match="not asking again"):
            await stores.slates.pointer()
    assert time.perf_counter() - started < 0.1
    await stores.close()


async def test_silent_server_costs_the_timeout(tmp_path: Path) -> None:
    """A server that accepts and never answers is given up after the configured time."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        stores = RedisStores.connect(f"unix://{tmp_path}/s", AppSettings(redis=RedisSettings(timeout_ms=50)))
        started = time.perf_counter()
        with pytest.raises(StoreUnavailable):
            await stores.slates.pointer()
        assert time.perf_counter() - started < 5
        await stores.close()


async def test_server_that_comes_back_is_used_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Pooled connections to a server that was restarted do not stay broken; the log says once each that it was away."""
    with embedded.running(tmp_path) as url:
        stores = RedisStores.connect(url, SETTINGS)
        await asyncio.gather(*(stores.slates.ping() for _ in range(5)))
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await stores.slates.ping()
    with embedded.running(tmp_path):
        async with asyncio.timeout(20):
            while True:
                try:
                    await stores.slates.ping()
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.05)
        await asyncio.gather(*(stores.slates.ping() for _ in range(5)))
        await stores.close()
    assert [" is away (" in message for message in caplog.messages] == [True, False]
    assert caplog.messages[-1].endswith(" is back")


async def test_refusals_of_the_server_are_absences(stores: RedisStores) -> None:
    """A full server, a wrong type, a read-only replica: whatever it answers, callers see one error."""
    await stores.connection.command("SET", keys.STREAM, "not a stream")
    with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
        await stores.stream.append([("e", b"1")])


@pytest.mark.parametrize("url", ["redis://host:port/x", "unix://x?db=a"])
async def test_addresses_that_make_no_sense(url: str) -> None:
    """A mistake in the address is a mistake in the configuration."""
    with pytest.raises(ConfigError, match="cannot be used"):
        RedisStores.connect(url, AppSettings())


async def test_cluster_client_is_made_for_clusters() -> None:
    """A cluster is reached over TCP; the client is made without asking it."""
    cluster = AppSettings(redis=RedisSettings(cluster=True))
    with pytest.raises(ConfigError, match="over TCP"):
        RedisStores.connect("unix:///tmp/x.sock", cluster)
    stores = RedisStores.connect("redis://127.0.0.1:1", cluster)
    with pytest.raises(StoreUnavailable):
        await stores.slates.ping()
    await stores.close()


async def test_keys_that_are_used_together_share_a_node() -> None:
    """What a script touches has one hash tag; candidates have none and spread over a cluster."""

    def tag(key: str) -> str:
        return key.partition("{")[2].partition("}")[0]

    assert {tag(key) for key in (keys.POINTER, keys.VERSIONS, keys.manifest("v"))} == {"published"}
    assert {tag(key) for key in (keys.STREAM, keys.LEASE, keys.seen("e{x}"))} == {"events"}
    assert {tag(key) for key in (keys.ITEMS_REVISION, keys.ITEMS_CHANGES, keys.item("i{x}"))} == {"items"}
    assert tag(keys.candidates("v", "u")) == ""
