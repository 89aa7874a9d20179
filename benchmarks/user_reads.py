"""Claim: reading a user over the shared connection costs the process a tenth of what it costs through redis-py.

Both read the same users from the same embedded Valkey over a unix socket, in turn within one run, on the event loop of
the standard library and on uvloop. What counts is processor time of the reading process per read: that is what a
server has less of for everything else. Waiting for the server is no part of it.

``python -m benchmarks.user_reads`` prints the figures.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks.results import Row, at_least, figure, show
from recommender.purpose import Purpose
from serving.settings import AppSettings, RedisSettings
from serving.stores import UserRecord, embedded
from serving.stores.redis import RedisStores
from serving.stores.user_readers import PoolReader

SEED = 7
VERSION = "v1"
USERS = 2000
RECORD_BYTES = 600
"""About a hundred candidates, packed."""
READERS = (64, 8, 1)
"""How many read at the same time: a busy server, a quiet one, and nobody to share a write with."""
READS = 40_000
PEER_SHARE = 5
"""redis-py reads so many times fewer users: it takes that much longer."""
ROUNDS = 5
QUICK_ROUNDS = 2
PEER = "redis-py"

Read = Callable[[str], Awaitable[UserRecord]]


def measure(*, quick: bool) -> list[Row]:
    """Measure on both event loops."""
    rounds, reads = (QUICK_ROUNDS, READS // 10) if quick else (ROUNDS, READS)
    rows = []
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder)) as url:
        for name, new_loop in (("asyncio", asyncio.new_event_loop), ("uvloop", uvloop.new_event_loop)):
            with asyncio.Runner(loop_factory=new_loop) as runner:
                rows += runner.run(_measure(url, name, rounds=rounds, reads=reads))
    return rows


async def _measure(url: str, name: str, *, rounds: int, reads: int) -> list[Row]:
    settings = AppSettings(redis=RedisSettings(timeout_ms=10_000))
    stores = RedisStores.connect(url, settings)
    rng = random.Random(SEED)
    records = [(f"u{number}", rng.randbytes(RECORD_BYTES)) for number in range(USERS)]
    await stores.slates.write(VERSION, Purpose.ALL, records)
    pool = PoolReader(stores.connection, fresh_events=settings.serving.fresh_events)
    ways: Mapping[str, Read] = {
        "ours": lambda user: stores.slates.read_user(user, version=VERSION, purpose=Purpose.ALL),
        PEER: lambda user: pool.read(user, VERSION, Purpose.ALL),
    }
    rows = []
    for readers in READERS:
        rows += await _rows(ways, f"{name}, {readers} at once", readers=readers, rounds=rounds, reads=reads)
    await stores.close()
    return rows


async def _rows(ways: Mapping[str, Read], title: str, *, readers: int, rounds: int, reads: int) -> list[Row]:
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, read in ways.items():
            each = reads // readers // (PEER_SHARE if way == PEER else 1)
            cpu_us = await _cpu_us(read, readers=readers, each=each)
            if number:
                spent[way].append(cpu_us)
    ratio = statistics.median(peer / ours for ours, peer in zip(spent["ours"], spent[PEER], strict=True))
    return [
        figure(f"{title}: CPU per read", statistics.median(spent["ours"]), "µs"),
        figure(f"{title}: CPU per read of redis-py", statistics.median(spent[PEER]), "µs"),
        figure(f"{title}: redis-py / ours", ratio, "×", goal=at_least(10) if readers > 1 else None, peer=PEER),
    ]


async def _cpu_us(read: Read, *, readers: int, each: int) -> float:
    """Let so many readers read, and return the processor time per read."""

    async def one(start: int) -> None:
        for number in range(start, start + each):
            await read(f"u{number % USERS}")

    before = time.process_time()
    await asyncio.gather(*(one(reader * each) for reader in range(readers)))
    return 1e6 * (time.process_time() - before) / (readers * each)


if __name__ == "__main__":
    found = measure(quick=os.environ.get("QUICK", "") not in {"", "0"})
    show("user_reads", found, Console())
    sys.exit(1 if any(row.holds is False for row in found) else 0)
