"""Versions of a made-up shop, published by the real publisher in processes that may be killed, read by one that judges.

Every record repeats the name of its version from beginning to end, so that a reader can tell a mixture, whether of two
users' versions or within one record. Scoring is left out, so that a publisher's time goes into what can break: writing,
checking, switching over, removing. Processes are forked from a server process that has everything imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import random
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from recommender.engine import Engine
from recommender.errors import RecommenderError
from serving.publisher import publish
from serving.scoring import Records
from serving.settings import AppSettings, RedisSettings
from serving.stores.redis import RedisStores

RECORD_BYTES = 640
BATCH = 1000
POLL_SECONDS = 0.05
"""How often a reader looks which version is served."""
TIMEOUT_SECONDS = 60.0

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


class Silent:
    """A step, and what shows steps, that nobody watches."""

    def advance(self, amount: int = 1) -> None:
        """Do nothing."""

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Silent]:
        """Return a step."""
        del name, total
        return nullcontext(self)


class MadeUp:
    """`serving.scoring.Scoring` that makes records up."""

    def __init__(self, version: str) -> None:
        self._record = record_of(version)

    async def batches(self, users: Sequence[str], *, now: np.datetime64) -> AsyncGenerator[Records, None]:
        """Yield the same record for everybody."""
        del now
        for start in range(0, len(users), BATCH):
            yield [(user, self._record) for user in users[start : start + BATCH]]
            await asyncio.sleep(0)


def record_of(version: str) -> bytes:
    """Return what every user has at this version."""
    name = f"{version}|".encode()
    return (name * (RECORD_BYTES // len(name) + 1))[:RECORD_BYTES]


def users_of(n_users: int) -> tuple[str, ...]:
    """Return the shop's users."""
    return tuple(f"user-{number:06d}" for number in range(n_users))


def connect(url: str) -> RedisStores:
    """Connect as a publisher does."""
    return RedisStores.connect(url, AppSettings(redis=RedisSettings(url=url)), timeout_seconds=TIMEOUT_SECONDS)


class Publishing:
    """A process that publishes one version; it is ready when this is made, and begins when told to."""

    def __init__(self, url: str, version: str, *, n_users: int) -> None:
        self._ours, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_publish, args=(url, version, n_users, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._ours.recv()

    def begin(self) -> None:
        """Let it publish."""
        self._ours.send(None)

    def kill(self) -> None:
        """End it without warning, wherever it is."""
        self._process.kill()
        self._process.join()
        self._ours.close()

    def wait(self) -> str:
        """Return what it was refused with, or nothing if it published."""
        refusal: str = self._ours.recv()
        self._process.join()
        return refusal


def published(url: str, version: str, *, n_users: int) -> float:
    """Publish in a process of its own, undisturbed, and return how long it took.

    Raises
    ------
    RuntimeError
        If it was refused.
    """
    publishing = Publishing(url, version, n_users=n_users)
    start = time.monotonic()
    publishing.begin()
    if refusal := publishing.wait():
        raise RuntimeError(f"{version} was not published: {refusal}")
    return time.monotonic() - start


@dataclass(slots=True)
class Judged:
    """What readers found."""

    answers: int = 0
    missing: int = 0
    mixed: int = 0
    refused: int = 0
    versions: int = 0
    """How many different ones were served."""


@contextlib.contextmanager
def judging(url: str, *, n_users: int) -> Iterator[Judged]:
    """Read users of the served version in another process until the block ends; then the figures are filled in."""
    judged = Judged()
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_judge, args=(url, n_users, theirs), daemon=True)
    process.start()
    theirs.close()
    ours.recv()
    try:
        yield judged
        ours.send(None)
        for name, value in ours.recv().items():
            setattr(judged, name, value)
    finally:
        process.kill()
        process.join()


def _publish(url: str, version: str, n_users: int, told: Connection) -> None:
    model = SimpleNamespace(users=users_of(n_users), as_of=np.datetime64("2018-01-01"))
    engine = cast(Engine, SimpleNamespace(version=version, model=model))
    stores = connect(url)

    async def work() -> None:
        try:
            await publish(engine, stores.slates, progress=Silent(), scoring=MadeUp(version))
        finally:
            await stores.close()

    told.send("ready")
    told.recv()
    refusal = ""
    try:
        asyncio.run(work())
    except RecommenderError as error:
        refusal = str(error)
    told.send(refusal)


def _judge(url: str, n_users: int, told: Connection) -> None:
    told.send("ready")
    found = asyncio.run(_read(url, n_users, told))
    told.send(found)


async def _read(url: str, n_users: int, told: Connection) -> dict[str, Any]:
    stores, judged, served = connect(url), Judged(), set()
    draw, users, version, look = random.Random(2), users_of(n_users), None, 0.0
    ending = False
    while not ending:
        ending = told.poll()
        try:
            if ending or time.monotonic() >= look:
                version = (await stores.slates.pointer()).current
                served.add(version)
                look = time.monotonic() + POLL_SECONDS
            user = await stores.slates.read_user(draw.choice(users), version=version)
        except RecommenderError:
            judged.refused += 1
            continue
        judged.answers += 1
        judged.missing += user.candidates is None
        judged.mixed += user.candidates is not None and user.candidates != record_of(version or "")
    await stores.close()
    judged.versions = len(served)
    return {name: getattr(judged, name) for name in Judged.__slots__}
