"""What only a real server can show: expiry, eviction, absence."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from recommender.errors import ConfigError, StoreUnavailable, UnknownVersion
from serving.settings import AppSettings, RedisSettings
from serving.stores import embedded, keys, versions
from serving.stores.breaker import BreakerState
from serving.stores.redis import RedisSlates, RedisStores

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


async def published(stores: RedisStores, *versions: str) -> None:
    for version in versions:
        await stores.slates.write(version, [("a", version.encode()), ("b:c", b"")])
        await stores.slates.point_to(version, users=2)


async def kept(stores: RedisStores) -> set[str]:
    """The versions that have any key."""
    found = await stores.connection.command("KEYS", "regulars:v:*")
    return {keys.version_of(key.decode()) for key in found}


def short_lived(stores: RedisStores, **changes: float) -> RedisSlates:
    """Another process's view of the same store."""
    options: dict[str, float] = {"keep_seconds": DAY, "fresh_events": 5, "fresh_seconds": 60} | changes
    return RedisSlates(stores.connection, **options)  # type: ignore[arg-type]


async def test_nothing_that_is_served_expires(stores: RedisStores) -> None:
    """Neither the served version nor the way back has a time to live, and settling leaves both alone."""
    await published(stores, "v1", "v2")
    await stores.slates.settle()
    assert await kept(stores) == {"v1", "v2"}
    for version in ("v1", "v2"):
        assert int(await stores.connection.command("TTL", keys.candidates(version, "a"))) == -1


async def test_names_that_are_no_text_hide_nothing(stores: RedisStores) -> None:
    """Another program's bytes in the hash of the pointer are nobody's version, and the rest of it is read."""
    await published(stores, "v1")
    await stores.connection.command("HSET", keys.POINTER, b"challenger:\xff", b"\xff")
    pointer = await stores.slates.pointer()
    assert (pointer.current, sorted(pointer.challengers)) == ("v1", ["\ufffd"])


async def test_versions_before_the_way_back_are_removed(stores: RedisStores, monkeypatch: pytest.MonkeyPatch) -> None:
    """One way back stays; what came before it goes, once no slow server can answer from it."""
    await published(stores, "v1", "v2", "v3")
    await stores.slates.settle()
    assert await kept(stores) == {"v1", "v2", "v3"}
    monkeypatch.setattr(versions, "LINGER_SECONDS", 0)
    await stores.slates.settle()
    assert await kept(stores) == {"v2", "v3"}
    assert await stores.slates.versions() == {"v2": 2, "v3": 2}
    with pytest.raises(UnknownVersion):
        await stores.slates.point_to("v1")


async def test_the_way_back_goes_when_its_days_are_over(stores: RedisStores) -> None:
    """A rollback then says that it is gone; the name is struck only after the candidates."""
    await published(stores, "v1", "v2")
    await short_lived(stores, keep_seconds=0).settle()
    assert await kept(stores) == {"v2"}
    assert await stores.connection.command("ZRANGE", keys.VERSIONS, 0, -1) == [b"v2"]
    with pytest.raises(UnknownVersion):
        await stores.slates.point_to("v1")


async def test_a_challenger_stays_until_it_is_withdrawn(stores: RedisStores, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many versions are published meanwhile; then it lingers, and goes."""
    await published(stores, "v1")
    await stores.slates.write("rival", [("a", b"r"), ("b", b"r")])
    await stores.slates.challenge("rival", users=2)
    await published(stores, "v2", "v3")
    with monkeypatch.context() as impatient:
        impatient.setattr(versions, "LINGER_SECONDS", 0)
        await stores.slates.settle()
    assert await kept(stores) == {"rival", "v2", "v3"}
    assert await stores.slates.withdraw("rival")
    await stores.slates.settle()
    assert await kept(stores) == {"rival", "v2", "v3"}
    monkeypatch.setattr(versions, "LINGER_SECONDS", 0)
    await stores.slates.settle()
    assert await kept(stores) == {"v2", "v3"}


async def test_a_half_written_version_is_spared_while_its_writer_lives(stores: RedisStores) -> None:
    """Another process that settles leaves it alone, until the writer's connection is gone."""
    await published(stores, "v1")
    writer = short_lived(stores)
    await writer.write("v2", [("a", b"half")])
    await stores.slates.settle()
    assert await kept(stores) == {"v1", "v2"}
    await writer.close()
    await stores.slates.settle()
    assert await kept(stores) == {"v1"}


async def test_two_publishers_of_one_version_do_not_mix(stores: RedisStores) -> None:
    """The second one is refused while the first lives, and takes over when it is gone."""
    first, second = short_lived(stores), short_lived(stores)
    await first.write("v1", [("a", b"1")])
    with pytest.raises(StoreUnavailable, match="another publisher"):
        await second.write("v1", [("a", b"2")])
    await first.close()
    await second.write("v1", [("a", b"2")])
    with pytest.raises(UnknownVersion):
        await first.point_to("v1", users=1)
    assert (await second.point_to("v1", users=1)).current == "v1"
    await second.close()


async def test_a_publisher_that_slept_cannot_serve_what_was_removed(stores: RedisStores) -> None:
    """Its lease ran out, others removed what it wrote: it can neither switch over nor keep what it writes later."""
    await published(stores, "v1")
    sleeper = short_lived(stores, lease_seconds=0.05)
    await sleeper.write("v2", [("a", b"half")])
    await asyncio.sleep(0.1)
    await stores.slates.settle()
    assert await kept(stores) == {"v1"}
    with pytest.raises(UnknownVersion):
        await sleeper.point_to("v2", users=1)
    await stores.connection.command("SET", keys.candidates("v2", "stray"), "1")
    await (late := short_lived(stores)).write("v3", [("a", b"half")])
    await late.close()
    await stores.slates.settle()
    assert await kept(stores) == {"v1"}
    await sleeper.close()


async def test_a_remover_that_slept_leaves_a_new_life_alone(stores: RedisStores) -> None:
    """Records of a version that was begun again after it was found to be removable stay."""
    await published(stores, "v1")
    records = stores.slates._records
    await stores.slates.write("v2", [("a", b"2")])
    await records.remove(["v2"], ["v1", "v2"], stores.slates.ping)
    assert await kept(stores) == {"v1", "v2"}


async def test_a_dead_remover_does_not_stop_the_next(stores: RedisStores) -> None:
    """The right to remove is that of a living process; while one has it, others leave the work to it."""
    await published(stores, "v1")
    alive, dead = short_lived(stores), short_lived(stores)
    for remover in (dead, alive):
        assert await remover._may_remove()
        assert await remover._may_remove()
        half = short_lived(stores)
        await half.write("v2", [("a", b"half")])
        await half.close()
        await stores.slates.settle()
        assert await kept(stores) == {"v1", "v2"}
        await remover.close()
        await stores.slates.settle()
        assert await kept(stores) == {"v1"}


async def test_discarding_spares_what_was_served(stores: RedisStores) -> None:
    """A publisher that fails takes its own version back, but not the records of one that is served or the way back."""
    await published(stores, "v1", "v2")
    for version in ("v1", "v2", "v3"):
        await stores.slates.write(version, [("a", b"again")])
        await stores.slates.discard(version)
    assert await kept(stores) == {"v1", "v2"}
    await stores.slates.discard("v9")


async def test_a_full_store_refuses_and_can_be_emptied(stores: RedisStores) -> None:
    """The first refusal stops the writing and says what to do; removing works although the store is full."""
    await published(stores, "v1")
    used = int((await stores.connection.command("INFO", "memory"))["used_memory"])
    await stores.connection.command("CONFIG", "SET", "maxmemory", used + 2_000_000)
    try:
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            await stores.slates.write("v2", [(f"u{k}", b"x" * 1000) for k in range(20_000)])
        assert await kept(stores) == {"v1", "v2"}
        await stores.slates.discard("v2")
    finally:
        await stores.connection.command("CONFIG", "SET", "maxmemory", 0)
    assert await kept(stores) == {"v1"}
    assert (await stores.slates.read_user("a", version="v1")).candidates == b"v1"


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
