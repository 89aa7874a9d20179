"""Publishing: everybody's candidates under the new version, counted, and then one atomic pointer change.

Readers see the old version until the last step and the new one after it, never a mixture. A publisher that dies on
the way leaves the old version in place, and what it wrote expires by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import anyio.to_thread
import numpy as np
from threadpoolctl import threadpool_limits

from recommender.engine import Engine
from recommender.errors import StoreUnavailable, UnknownVersion
from serving.shelves.recorder import Recorder
from serving.stores import Pointer, SlateStore

BATCH = 256
"""Users computed and written at a time."""

Records = list[tuple[str, bytes]]


class Step(Protocol):
    """A part of the work that can say how far it is."""

    def advance(self, amount: int = 1) -> None:
        """Say that `amount` more is done."""
        ...


class Progress(Protocol):
    """Shows how far the work is; `regulars.progress` is one."""

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
        """Begin a part of the work."""
        ...


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published."""

    version: str
    previous: str | None
    """The version to which a rollback leads."""
    users: int
    """How many users have candidates; the erased ones do not."""


async def publish(
    engine: Engine,
    store: SlateStore,
    *,
    progress: Progress,
    now: np.datetime64 | None = None,
) -> Publication:
    """Write the candidates of every user, and serve them; `now` is the end of the log unless given.

    Raises
    ------
    StoreUnavailable
        If the store is away or lost something; the old version goes on being served.
    """
    recorder = Recorder(engine)
    erased = await store.erased()
    users = [user for user in engine.model.users if user not in erased]
    moment = engine.model.as_of if now is None else now
    # One user's numbers are few: BLAS threads that wait for each other made scoring nine times slower.
    with (
        threadpool_limits(limits=1, user_api="blas"),
        progress.step("compute and write candidates", total=len(users)) as step,
    ):
        for batch in _batches(users, BATCH):
            found = await anyio.to_thread.run_sync(_records, recorder, batch, moment)
            await store.write(engine.version, found)
            step.advance(len(batch))
    with progress.step("check and switch over", total=None):
        users = await _without_erased(store, users)
        await _check(store, engine.version, users)
        pointer = await store.point_to(engine.version, users=len(users))
    with progress.step("let older versions expire", total=None):
        await store.settle()
    return Publication(engine.version, pointer.previous, len(users))


async def rollback(store: SlateStore, version: str | None = None) -> Pointer:
    """Serve `version` again, or the one before the current one.

    Raises
    ------
    UnknownVersion
        If there is none, or its candidates have expired.
    """
    target = version or (await store.pointer()).previous
    if target is None:
        raise UnknownVersion("no version was published before the current one; there is nothing to roll back to")
    pointer = await store.point_to(target)
    await store.settle()
    return pointer


def _records(recorder: Recorder, users: Sequence[str], now: np.datetime64) -> Records:
    return [(user, recorder.record(user, now=now)) for user in users]


async def _without_erased(store: SlateStore, users: Sequence[str]) -> list[str]:
    """Erase again whoever asked for it while we were writing."""
    erased = await store.erased()
    for user in (user for user in users if user in erased):
        await store.erase(user)
    return [user for user in users if user not in erased]


async def _check(store: SlateStore, version: str, users: Sequence[str]) -> None:
    found = await store.count(version, users)
    if found != len(users):
        raise StoreUnavailable(
            f"version {version} is not published: of {len(users)} users, {found} have candidates; the store may be "
            "full (see its maxmemory) or was emptied. Publish again"
        )


def _batches(users: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    iterator = iter(users)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
