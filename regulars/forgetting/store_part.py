"""The part of an erasure that needs Redis: what it knows of somebody, and the events that are on their way to files.

The order matters. First every process is told, by the file and the store; from then on nothing new is kept of them
under their name. Then processes get the time to hear of it. What was accepted before is moved into event files, where
it is taken out with the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from recommender.errors import StoreUnavailable
from regulars.forgetting.receipt import Place
from serving.clock import clock_of
from serving.erasures import Erasures
from serving.events.drain import Drain
from serving.events.redaction import Guests, guests_in, is_theirs
from serving.metrics import Metrics
from serving.settings import AppSettings, masked
from serving.stores.forgetting import Known, RedisForgetting
from serving.stores.redis import RedisStores

TIMEOUT_SECONDS = 10.0
"""Nobody waits for a page here."""
MARGIN_SECONDS = 0.2
"""Beyond `serving.poll_seconds`, until every process has heard of an erasure."""
DRAIN_SECONDS = 30.0
"""For events to reach files; a server moves them every `serving.drain_seconds`."""
COMPACT_SECONDS = 120.0
MOST_WAITING = 100_000
"""Events on their way that are looked at."""

AGAIN = "run `regulars forget` again when it is back"


@dataclass(slots=True)
class StorePart:
    """What became of it."""

    where: str
    """Which store."""
    erased: list[Place] = field(default_factory=list)
    kept: list[Place] = field(default_factory=list)
    pending: list[Place] = field(default_factory=list)
    guests: Guests = field(default_factory=Guests)
    """Who was whom, as the files and the store say together."""


async def forget_in_store(settings: AppSettings, users: Collection[str]) -> StorePart:
    """Mark users as erased, and take them out of the store.

    Raises
    ------
    OSError
        If the erasure cannot be written down: then nothing was done.
    """
    assert settings.redis.url is not None
    stores = RedisStores.connect(settings.redis.url, settings, timeout_seconds=TIMEOUT_SECONDS)
    where = f"Redis at {masked(settings.redis.url)}"
    part = StorePart(where, guests=guests_in(settings.events_dir))
    try:
        erasures = Erasures(settings.data_dir, stores.slates)
        erasures.load()
        known = await _known(stores, users, part.guests)
        shared = [await erasures.erase(user) for user in sorted(users)]
        if known is None or not all(shared):
            part.pending.append(Place("candidates, fresh events, merges", where, note=f"it is away; {AGAIN}"))
            return part
        await asyncio.sleep(settings.serving.poll_seconds + MARGIN_SECONDS)
        waiting = await _drained(stores, users, settings, part)
        await _forget(stores, users, known, part, waiting=waiting)
    except StoreUnavailable as error:
        part.pending.append(Place("candidates, fresh events, merges", where, note=f"{error}; {AGAIN}"))
    finally:
        await stores.close()
    return part


async def compact_store(settings: AppSettings) -> Place | None:
    """Let the store write its files without the past; return what is left if it could not."""
    assert settings.redis.url is not None
    stores = RedisStores.connect(settings.redis.url, settings, timeout_seconds=TIMEOUT_SECONDS)
    try:
        if await RedisForgetting(stores.connection).compact(seconds=COMPACT_SECONDS):
            return None
    finally:
        await stores.close()
    note = "it could not be asked to write its files anew; until it does, they hold what was deleted"
    return Place("the store's own files", f"Redis at {masked(settings.redis.url)}", note=note)


async def _known(stores: RedisStores, users: Collection[str], guests: Guests) -> Known | None:
    try:
        versions = list(await stores.slates.versions())
        return await RedisForgetting(stores.connection).known(users, versions, guests.of(users))
    except StoreUnavailable:
        return None


async def _forget(stores: RedisStores, users: Collection[str], known: Known, part: StorePart, *, waiting: int) -> None:
    where = part.where
    merges = await RedisForgetting(stores.connection).forget_guests(users, known.guests | part.guests.of(users))
    for user in users:
        await stores.slates.erase(user)
    part.erased += [
        Place("candidates", where, known.candidates),
        Place("fresh events", where, known.fresh),
        Place("guests they were", where, merges),
        Place("choices about personal picks", where, known.choices),
    ]
    if waiting:
        note = f"they did not reach an event file within {DRAIN_SECONDS:g} seconds; run `regulars forget` again"
        part.pending.append(Place("events on their way", where, waiting, note))


async def _drained(stores: RedisStores, users: Collection[str], settings: AppSettings, part: StorePart) -> int:
    """Move events into files until none of theirs waits; return how many still do."""
    erasures = Erasures(settings.data_dir, stores.slates)
    erasures.load()
    clock = clock_of(settings.serving.clock)
    drain = Drain(stores, erasures, clock, Metrics(), folder=settings.events_dir)
    deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
    try:
        while True:
            await drain.run_once()
            lines = [line for _, line in await stores.stream.read(MOST_WAITING)]
            part.guests = guests_in(settings.events_dir, lines)
            waiting = sum(is_theirs(line, users, part.guests) for line in lines)
            if not waiting or asyncio.get_running_loop().time() > deadline:
                return waiting
            await asyncio.sleep(MARGIN_SECONDS)
    finally:
        await drain.finish()
