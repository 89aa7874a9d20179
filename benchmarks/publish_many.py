"""A million ready records go into a store that others read from, and an old version goes out of it.

Made-up records of one size, an embedded Valkey reached by its unix socket; a process reads users of the served version
all the time. The append-only file is switched off: with it, a disk that takes a hundred megabytes a second is all that
would be measured. The peer writes a part of the same records as most programs would: redis-py, one ``SET`` with an
expiry per user, in pipelines, with the readers reading. It does not pause for them, as we do, so what counts beside it
is processor time; three quarters of ours is the server's own, which no writer can save.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.results import Row, at_least, at_most, figure
from benchmarks.store_readers import Readers, reading, user_name
from serving.settings import AppSettings, RedisSettings
from serving.stores.embedded import running
from serving.stores.redis import RedisSlates, RedisStores

USERS, QUICK_USERS = 1_000_000, 100_000
RECORD_BYTES = 640
RATE = 500.0
"""Reads per second."""
ALONE_SECONDS, QUICK_ALONE_SECONDS = 10.0, 4.0
PIPELINE = 500
PEER = f"redis-py, pipelines of {PIPELINE}"
PEER_SHARE = 10
"""The peer writes one record in so many: its speed does not depend on how many there are."""
SECONDS_PER_MILLION = 6.0

Records = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the run, in monotonic seconds."""

    start: float
    end: float
    writer_cpu: float = 0.0
    """Seconds of processor time of this process meanwhile."""
    server_cpu: float = 0.0
    """The same of the server."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start

    @property
    def cpu(self) -> float:
        """Processor time of writer and server."""
        return self.writer_cpu + self.server_cpu


@dataclass(frozen=True, slots=True)
class Run:
    """What was done when, and what the server said of its memory."""

    users: int
    alone: Phase
    write: Phase
    check: Phase
    flip: Phase
    peer: Phase
    remove: Phase
    one_version_bytes: int
    peak_bytes: int
    record_bytes: float

    @property
    def peer_users(self) -> int:
        """For how many users the peer wrote."""
        return self.users // PEER_SHARE


async def measure(*, quick: bool) -> list[Row]:
    """Write, switch over and remove, with readers reading."""
    users = QUICK_USERS if quick else USERS
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as url:
        stores = RedisStores.connect(url, AppSettings(redis=RedisSettings(url=url)), timeout_seconds=30.0)
        client: Any = Redis.from_url(url, protocol=2)
        try:
            client.config_set("appendonly", "no")
            empty = _used(client)
            await _publish(stores.slates, client, "v1", users)
            one_version = _used(client) - empty
            with reading(url, Path(name), rate=RATE, users=users) as readers:
                run = await _run(
                    stores, client, readers, one_version, alone=QUICK_ALONE_SECONDS if quick else ALONE_SECONDS
                )
            return _rows(run, readers)
        finally:
            client.close()
            await stores.close()


async def _run(stores: RedisStores, client: Any, readers: Readers, one_version: int, *, alone: float) -> Run:
    users = readers.users
    start = time.monotonic() + 1.0
    time.sleep(1.0 + alone)
    quiet = Phase(start, time.monotonic())
    write, check, flip = await _publish(stores.slates, client, "v2", users)
    peak = int(client.info("memory")["used_memory"])
    peer = _write_as_the_peer(client, _records("v3", users // PEER_SHARE))
    impatient = RedisSlates(stores.connection, keep_seconds=0, fresh_events=1, fresh_seconds=1)
    time.sleep(1.0)
    start = time.monotonic()
    await impatient.settle()
    removed = Phase(start, time.monotonic())
    await impatient.close()
    left = await stores.slates.count("v1", [user_name(number) for number in range(users)])
    assert left == 0, f"{left} records of a removed version are still there"
    each = client.execute_command("MEMORY", "USAGE", f"regulars:v:v2:{user_name(0)}", "SAMPLES", 0)
    return Run(users, quiet, write, check, flip, peer, removed, one_version, peak, float(each))


async def _publish(store: RedisSlates, client: Any, version: str, users: int) -> tuple[Phase, Phase, Phase]:
    """Write ready records, check that all are there, and switch over."""
    records = _records(version, users)
    names = [user for user, _ in records]
    with _timing(client) as writing:
        await store.write(version, records)
    start = time.monotonic()
    assert await store.count(version, names) == users
    checked = time.monotonic()
    await store.point_to(version, users=users)
    return writing[0], Phase(start, checked), Phase(checked, time.monotonic())


@contextlib.contextmanager
def _timing(client: Any) -> Iterator[list[Phase]]:
    """Time the block; the list holds the phase afterwards."""
    found: list[Phase] = []
    server, writer, start = _server_cpu(client), time.process_time(), time.monotonic()
    yield found
    end = time.monotonic()
    found.append(Phase(start, end, time.process_time() - writer, _server_cpu(client) - server))


def _server_cpu(client: Any) -> float:
    used = client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def _records(version: str, users: int) -> Records:
    """Make records that begin with their version; a few thousand bodies serve all, to spare memory here."""
    draw = random.Random(0)
    body = RECORD_BYTES - len(version)
    bodies = [version.encode() + draw.randbytes(body) for _ in range(4096)]
    return [(user_name(number), bodies[number % len(bodies)]) for number in range(users)]


def _write_as_the_peer(client: Any, records: Records) -> Phase:
    with _timing(client) as writing:
        for at in range(0, len(records), PIPELINE):
            pipeline = client.pipeline(transaction=False)
            for user, record in records[at : at + PIPELINE]:
                pipeline.set(f"peer:{user}", record, ex=604_800)
            pipeline.execute()
    return writing[0]


def _per_user(seconds: float, users: int) -> float:
    """Return microseconds."""
    return seconds / users * 1_000_000


def _used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])


def _rows(run: Run, readers: Readers) -> list[Row]:
    millions = run.users / 1_000_000
    speed, peer = run.users / run.write.seconds, run.peer_users / run.peer.seconds
    alone = readers.p99_ms(run.alone.start, run.alone.end)
    writing = readers.p99_ms(run.write.start, run.check.end)
    beside_peer = readers.p99_ms(run.peer.start, run.peer.end)
    removing = readers.p99_ms(run.remove.start, run.remove.end)
    what = f"{run.users:,} ready records of {RECORD_BYTES} bytes"
    return [
        figure(f"{what}: written in", run.write.seconds, "s", goal=at_most(SECONDS_PER_MILLION * millions)),
        figure(f"{what}: counted in", run.check.seconds, "s"),
        figure("written, readers reading", speed, "users/s"),
        figure("written, the peer", peer, "users/s"),
        figure("written: ours / the peer", speed / peer, "×", peer=PEER),
        figure("writer's processor time per user", _per_user(run.write.writer_cpu, run.users), "µs"),
        figure("writer's processor time per user, the peer", _per_user(run.peer.writer_cpu, run.peer_users), "µs"),
        figure("server's processor time per user", _per_user(run.write.server_cpu, run.users), "µs"),
        figure("server's processor time per user, the peer", _per_user(run.peer.server_cpu, run.peer_users), "µs"),
        figure(
            "processor time, both: the peer / ours",
            _per_user(run.peer.cpu, run.peer_users) / _per_user(run.write.cpu, run.users),
            "×",
            goal=at_least(2),
            peer=PEER,
        ),
        figure("switched over in", run.flip.seconds * 1000, "ms"),
        figure("readers' p99, nothing written", alone, "ms"),
        figure("readers' p99, a version written and counted", writing, "ms"),
        figure("readers' p99: written / nothing written", writing / alone, "×", goal=at_most(2)),
        figure("readers' p99: the peer writes / nothing written", beside_peer / alone, "×", peer=PEER),
        figure("the old version removed in", run.remove.seconds, "s"),
        figure("removed", run.users / run.remove.seconds, "users/s"),
        figure("readers' p99: removed / nothing written", removing / alone, "×", goal=at_most(2)),
        figure("memory per user, as the server says", run.record_bytes, "bytes", goal=at_most(750)),
        figure(
            "memory while two versions are kept / one", run.peak_bytes / run.one_version_bytes, "×", goal=at_most(2.1)
        ),
    ]
