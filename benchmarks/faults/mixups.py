"""Claim: whatever happens between us and Redis, no request gets the reply to another one.

Many readers share one lane to an embedded Valkey behind a `FaultProxy` whose faults change all the time. Every value
holds the number of its user, so that a reply that went to the wrong request shows. Readers give up some requests
halfway, as storefronts do. A request that fails is a request that was not mixed up: it is counted, asked again, and
does not count as answered.

``python -m benchmarks.faults.mixups [requests]`` prints the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.faults.proxy import FaultProxy
from benchmarks.faults.road import GARBAGE, Faults
from recommender.errors import StoreUnavailable
from recommender.purpose import Purpose
from regulars.progress import TerminalProgress
from serving.settings import AppSettings, RedisSettings
from serving.stores import SlateStore, UserRecord, embedded
from serving.stores.connection import RedisConnection
from serving.stores.lane import Lane
from serving.stores.node import Node
from serving.stores.redis import RedisStores
from serving.stores.user_readers import LaneReader
from training.progress import Progress, SilentProgress

VERSION = "v1"
USERS = 2000
READERS = 256
GIVEN_UP = 0.01
"""Share of the requests that nobody waits for in the end."""
SPELL_ANSWERS = 1500
SPELL_SECONDS = 0.25
"""One kind of fault lasts for so many answers, but not longer than this."""

PAUSE_SECONDS = 0.01
"""Between two tries to connect."""

SPELLS = (
    Faults(),
    Faults(slice_bytes=200),
    Faults(slice_bytes=9, latency_seconds=0.002),
    Faults(latency_seconds=0.02),
    Faults(reset_every=100_000),
    Faults(),
    Faults(garbage_every=50_000),
    Faults(slice_bytes=100, garbage_every=20_000),
    Faults(lose_every=50_000, latency_seconds=0.005),
    Faults(stalled=True),
)
"""Bytes are lost or added, never both: a value of the right length with other bytes in it is for TCP, TLS and checksums
to find, and cannot be told from a good one here."""
TRICKS = (
    b"",
    b"\r\n",
    b"$5\r\nabcde\r\n",
    b":1\r\n*0\r\n",
    b"-ERR no\r\n",
    b"\x00\xff" * 40,
    b"+OK\r\n" * 9,
    b"x" * 400,
)
"""What values hold beside their number."""


@dataclass(slots=True)
class Figures:
    """What came of the requests."""

    answered: int = 0
    mixed_up: int = 0
    """Answers that hold what belongs to another user."""
    garbled: int = 0
    """Answers that are wrong in another way."""
    unavailable: int = 0
    given_up: int = 0
    connections: int = 0
    seconds: float = 0.0


def measure(requests: int, *, seed: int = 0, progress: Progress | None = None) -> Figures:
    """Read until so many requests were answered."""
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded.running(Path(folder)) as url,
        FaultProxy(url, folder=Path(folder), seed=seed) as proxy,
    ):
        return asyncio.run(_measure(requests, url, proxy, seed=seed, progress=progress or SilentProgress()))


async def _measure(requests: int, url: str, proxy: FaultProxy, *, seed: int, progress: Progress) -> Figures:
    rng = random.Random(seed)
    records = [record(number, rng) for number in range(USERS)]
    await fill(url, records)
    stores = connect(proxy.url)
    figures, start = Figures(), time.perf_counter()
    changing = asyncio.create_task(change(proxy, figures, rng))
    try:
        with progress.step("ask through faults", total=requests) as step:
            readers = [
                asyncio.create_task(
                    keep_asking(stores.slates, records, figures, requests, random.Random(f"{seed} {n}"))
                )
                for n in range(READERS)
            ]
            watching = asyncio.create_task(_watch(figures, step.advance))
            await asyncio.gather(*readers)
            watching.cancel()
    finally:
        changing.cancel()
        await asyncio.gather(changing, return_exceptions=True)
        await stores.close()
    figures.seconds = time.perf_counter() - start
    figures.connections = proxy.accepted
    return figures


def connect(url: str) -> RedisStores:
    """Connect as a server does, but with short pauses before a new connection: more of them, more to go wrong."""
    settings = AppSettings(redis=RedisSettings(url=url))
    connection = RedisConnection.open(url, settings.redis)
    lane = Lane(
        Node.of(url),
        connection.presence,
        timeout_seconds=settings.redis.timeout_ms / 1000,
        max_pause_seconds=PAUSE_SECONDS,
    )
    users = LaneReader(lane, fresh_events=settings.serving.fresh_events)
    return RedisStores(connection, settings, users=users)


def record(number: int, rng: random.Random) -> UserRecord:
    """Make up what is known of a user: short and long values, some with events, some of them erased, some unknown."""
    if number % 50 == 0:
        return UserRecord(erased=True)
    if number % 51 == 0:
        return UserRecord()
    noise = b"".join(rng.choices(TRICKS, k=rng.randrange(4)))
    candidates = b"%d|" % number + noise + (b"%d " % number) * (20_000 if number % 500 == 7 else 5)
    events = rng.randrange(6) if number % 3 == 0 else 0
    return UserRecord(candidates=candidates, fresh=tuple(b"%d|%d" % (number, k) for k in range(events)))


async def fill(url: str, records: Sequence[UserRecord]) -> None:
    """Write the users, past the proxy."""
    stores = RedisStores.connect(url, AppSettings(redis=RedisSettings(timeout_ms=10_000)))
    numbered = [(f"u{number}", known) for number, known in enumerate(records)]
    stored = [(user, known.candidates) for user, known in numbered if known.candidates is not None]
    await stores.slates.write(VERSION, Purpose.ALL, stored)
    await stores.slates.remember({user: known.fresh[::-1] for user, known in numbered if known.fresh})
    for user, known in numbered:
        if known.erased:
            await stores.slates.erase(user)
    await stores.close()


async def keep_asking(
    store: SlateStore, records: Sequence[UserRecord], figures: Figures, requests: int, rng: random.Random
) -> None:
    """Read one user after the other, and look closely at every answer."""
    while figures.answered < requests:
        number = rng.randrange(len(records))
        asking = store.read_user(f"u{number}", version=VERSION, purpose=Purpose.ALL)
        try:
            if rng.random() < GIVEN_UP:
                await _give_up(asyncio.ensure_future(asking), rng)
                figures.given_up += 1
                continue
            answer = await asking
        except StoreUnavailable:
            figures.unavailable += 1
            await asyncio.sleep(0.01)
            continue
        figures.answered += 1
        if answer != records[number]:
            belongs = answer in records or _number_in(answer) not in (number, None)
            figures.mixed_up += belongs
            figures.garbled += not belongs


async def change(proxy: FaultProxy, figures: Figures, rng: random.Random) -> None:
    """Go through the spells again and again, and now and then break off, close or shut the road."""
    while True:
        for faults in SPELLS:
            proxy.become(faults)
            until, over_at = figures.answered + SPELL_ANSWERS, time.monotonic() + SPELL_SECONDS
            while figures.answered < until and time.monotonic() < over_at:
                await asyncio.sleep(0.01)
        proxy.become(Faults())
        for trick in (proxy.reset, proxy.hang_up, lambda: proxy.say(rng.choice(GARBAGE))):
            await asyncio.sleep(0.05)
            trick()
        proxy.listen(on=False)
        proxy.reset()
        await asyncio.sleep(SPELL_SECONDS / 2)
        proxy.listen()


async def _give_up(asking: asyncio.Future[UserRecord], rng: random.Random) -> None:
    await asyncio.sleep(rng.choice((0, 0, 0.001)))
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking


def _number_in(answer: UserRecord) -> int | None:
    """Return whose answer it seems to be."""
    for value in (answer.candidates, *answer.fresh):
        number = (value or b"").partition(b"|")[0]
        if number.isdigit():
            return int(number)
    return None


async def _watch(figures: Figures, advance: Callable[[int], None]) -> None:
    seen = 0
    while True:
        await asyncio.sleep(0.5)
        advance(figures.answered - seen)
        seen = figures.answered


if __name__ == "__main__":
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, progress=TerminalProgress())
    print(asdict(found))
    sys.exit(1 if found.mixed_up or found.garbled else 0)
