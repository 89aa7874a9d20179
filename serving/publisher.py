"""Publishing: everybody's candidates under the new version, counted, and then one atomic pointer change.

Readers see the old version until the last step and the new one after it, never a mixture. A publisher that fails takes
back what it wrote; after one that was killed, the next one does, or a server.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import anyio
import numpy as np

from recommender.engine import Engine
from recommender.errors import StoreUnavailable, UnknownVersion
from serving import spans
from serving.scoring import InThread, Scoring
from serving.stores import Pointer, SlateStore


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
    scoring: Scoring | None = None,
    challenger: bool = False,
) -> Publication:
    """Write the candidates of every user, and serve them; `now` is the end of the log unless given.

    A challenger is kept beside the served version instead, for the variants of experiments that name it.

    Raises
    ------
    StoreUnavailable
        If the store is away, is full, lost something, or another publisher writes the same version; the old version
        goes on being served.
    """
    moment = engine.model.as_of if now is None else now
    await store.write(engine.version, [])
    try:
        with spans.span("write candidates"):
            users = await _write(engine, store, moment, scoring or InThread(engine), progress=progress)
        with spans.span("switch over"), progress.step("check and switch over", total=None):
            users = await _without_erased(store, users)
            await _check(store, engine.version, users)
            admit = store.challenge if challenger else store.point_to
            pointer = await admit(engine.version, users=len(users))
    except BaseException:
        with (
            anyio.CancelScope(shield=True),
            contextlib.suppress(StoreUnavailable),
            progress.step("take back what was written", total=None),
        ):
            await store.discard(engine.version)
        raise
    with spans.span("remove older versions"), progress.step("remove older versions", total=None):
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


async def _write(
    engine: Engine, store: SlateStore, now: np.datetime64, scoring: Scoring, *, progress: Progress
) -> list[str]:
    """Write one batch while the next is scored, and return for whom."""
    with progress.step("remove what is left of stopped publishers", total=None):
        await store.settle()
    erased = await store.erased()
    users = [user for user in engine.model.users if user not in erased]
    with progress.step("compute and write candidates", total=len(users)) as step:
        async with contextlib.aclosing(scoring.batches(users, now=now)) as batches:
            async for records in batches:
                await store.write(engine.version, records)
                step.advance(len(records))
    return users


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
