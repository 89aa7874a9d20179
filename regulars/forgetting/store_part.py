"""The part of an erasure that needs Redis: what it knows of somebody, and the events that are on their way to files.

The order matters. First every process is told, by the file and the store; from then on nothing new is kept of them
under their name. Then processes get the time to hear of it. What was accepted before is moved into event files, where
it is taken out with the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from recommender.errors import StoreUnavailable
from regulars.forgetting.receipt import Place
from regulars.hints import hint
from serving.clock import clock_of
from serving.erasures import Erasures
from serving.events.drain import Drain
from serving.events.redaction import Guests, is_theirs
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


@dataclass(slots=True)
class StorePart:
    """What became of it."""

    where: str
    """Which store."""
    erased: list[Place] = field(default_factory=list)
    kept: list[Place] = field(default_factory=list)
    pending: list[Place] = field(default_factory=list)


async def forget_in_store(
    settings: AppSettings, users: Collection[str], guests: Guests, *, remember: Callable[[], None]
) -> StorePart:
    """Mark users as erased, and take them out of the store.

    `guests` learns what the store knows of them; `remember` is called before any of it is removed.

    Raises
    ------
    OSError
        If the erasure cannot be written down: then nothing was done.
    """
    assert settings.redis.url is not None
    stores = RedisStores.connect(settings.redis.url, settings, timeout_seconds=TIMEOUT_SECONDS)
    part = StorePart(f"Redis at {masked(settings.redis.url)}")
    try:
        known = await _known(stores, users, guests)
        remember()
        erasures = Erasures(settings.data_dir, stores.slates)
        erasures.load()
        shared = [await erasures.erase(user) for user in sorted(users)]
        if known is None or not all(shared):
            raise StoreUnavailable("it is away")
        await asyncio.sleep(settings.serving.poll_seconds + MARGIN_SECONDS)
        # Whoever signed in until every process knew of it.
        await _learn(stores, users, guests)
        remember()
        waiting = await _drained(stores, users, settings, guests)
        await _forget(stores, users, known, part, guests=guests)
        if waiting:
            note = f"they did not reach an event file within {DRAIN_SECONDS:g} seconds; run `{hint('forget')}` again"
            part.pending.append(Place("events on their way", part.where, waiting, note))
    except StoreUnavailable as error:
        part.pending.append(Place("candidates, fresh events, guests", part.where, note=_again(error)))
    finally:
        await stores.close()
    return part


def _again(error: StoreUnavailable) -> str:
    return f"{error}; run `{hint('forget')}` again when it is back"


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
        await _learn(stores, users, guests)
        versions = list(await stores.slates.versions())
        return await RedisForgetting(stores.connection).known(users, versions, guests.of(users))
    except StoreUnavailable:
        return None


async def _learn(stores: RedisStores, users: Collection[str], guests: Guests) -> None:
    guests.learn(line for _, line in await stores.stream.read(MOST_WAITING))
    known = guests.of(users)
    for guest, user in (await RedisForgetting(stores.connection).guests_of(users)).items():
        if guest not in known:
            guests.add(guest, "", user)


async def _forget(
    stores: RedisStores, users: Collection[str], known: Known, part: StorePart, *, guests: Guests
) -> None:
    merges = await RedisForgetting(stores.connection).forget_guests(users, guests.of(users))
    for user in users:
        await stores.slates.erase(user)
    part.erased += [
        Place("candidates", part.where, known.candidates),
        Place("fresh events", part.where, known.fresh),
        Place("guests they were", part.where, merges),
        Place("choices about personal picks", part.where, known.choices),
    ]


async def _drained(stores: RedisStores, users: Collection[str], settings: AppSettings, guests: Guests) -> int:
    """Move events into files until none of theirs waits; return how many still do."""
    erasures = Erasures(settings.data_dir, stores.slates)
    erasures.load()
    drain = Drain(
        stores,
        erasures,
        clock_of(settings.serving.clock, events=settings.events_dir),
        Metrics(),
        folder=settings.events_dir,
    )
    deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
    try:
        while True:
            await drain.run_once()
            lines = [line for _, line in await stores.stream.read(MOST_WAITING)]
            waiting = sum(is_theirs(line, users, guests) for line in lines)
            if not waiting or asyncio.get_running_loop().time() > deadline:
                return waiting
            await asyncio.sleep(MARGIN_SECONDS)
    finally:
        await drain.finish()
