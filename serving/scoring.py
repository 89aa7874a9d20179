"""Everybody's candidates as records, a batch at a time: on this process's thread, or on several processes.

To score a user takes milliseconds of one core, so publishing a large shop is bound by how many cores score. Processes
map the artifact into memory as this one does and share its pages; they are handed names and hand back bytes, and the
caller writes one batch while they score the next. They end with this process, however it ends.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import signal
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Protocol, Self

import anyio.to_thread
import numpy as np
from threadpoolctl import threadpool_limits

from recommender.artifact import load_artifact
from recommender.engine import Engine
from recommender.errors import RecommenderError
from serving.parent import end_with_parent
from serving.shelves.recorder import Recorder

BATCH = 128
"""Users scored at a time: about half a second of one core."""
AHEAD = 2
"""Batches per process that are being scored or wait for it, so that none has nothing to do."""
WORTH_A_PROCESS = 500
"""Users per process below which starting it takes longer than it saves."""

Records = list[tuple[str, bytes]]


class Scoring(Protocol):
    """Turns users into records."""

    def batches(self, users: Sequence[str], *, now: np.datetime64) -> AsyncGenerator[Records, None]:
        """Yield the records of all users, in any order."""
        ...


class InThread:
    """`Scoring` by one engine, beside the event loop."""

    def __init__(self, engine: Engine) -> None:
        self._recorder = Recorder(engine)

    async def batches(self, users: Sequence[str], *, now: np.datetime64) -> AsyncGenerator[Records, None]:
        """Yield batch after batch."""
        # One user's numbers are few: BLAS threads that wait for each other made scoring nine times slower.
        with threadpool_limits(limits=1, user_api="blas"):
            for batch in _batches(users):
                yield await anyio.to_thread.run_sync(records_of, self._recorder, batch, now)


class InProcesses:
    """`Scoring` by several processes, each over the same artifact."""

    def __init__(self, artifact: Path, *, workers: int) -> None:
        self._artifact = artifact
        self._workers = workers

    async def batches(self, users: Sequence[str], *, now: np.datetime64) -> AsyncGenerator[Records, None]:
        """Yield what is done first.

        Raises
        ------
        RecommenderError
            If a process was killed.
        """
        waiting = _batches(users)
        with _Pool(self._artifact, workers=self._workers) as pool:
            first = itertools.islice(waiting, AHEAD * self._workers)
            scored = {pool.submit(batch, now) for batch in first}
            while scored:
                done, scored = await asyncio.wait(scored, return_when=asyncio.FIRST_COMPLETED)
                more = itertools.islice(waiting, len(done))
                scored |= {pool.submit(batch, now) for batch in more}
                for future in done:
                    yield _result(future)


class _Pool:
    """Processes that have loaded the artifact; on leaving, what they are at is waited for and the rest dropped."""

    def __init__(self, artifact: Path, *, workers: int) -> None:
        # Spawned, not forked: this process has threads, and a fork would copy their locks as they are.
        self._executor = ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), initializer=_prepare, initargs=(artifact,)
        )

    def submit(self, users: Sequence[str], now: np.datetime64) -> asyncio.Future[Records]:
        try:
            scored = asyncio.wrap_future(self._executor.submit(_score, users, now))
        except BrokenProcessPool as error:
            raise _killed() from error
        scored.add_done_callback(_note)
        return scored

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def records_of(recorder: Recorder, users: Sequence[str], now: np.datetime64) -> Records:
    """Return the records of users whom the model knows."""
    return [(user, recorder.record(user, now=now)) for user in users]


def _batches(users: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(users), BATCH):
        yield users[start : start + BATCH]


def _note(future: asyncio.Future[Records]) -> None:
    """Look at how it ended: of many that fail together the first one is told, and the others are not complained of."""
    if not future.cancelled():
        future.exception()


def _result(future: asyncio.Future[Records]) -> Records:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _killed() from error


def _killed() -> RecommenderError:
    return RecommenderError(
        "a process that scores users has ended before its time; it was killed, perhaps for want of memory. "
        "Publish again, with fewer workers if so"
    )


_recorders: list[Recorder] = []
"""In a scoring process: what scores. A pool's process has no other place to keep something between tasks."""


def _prepare(artifact: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    threadpool_limits(limits=1, user_api="blas")
    loaded = load_artifact(artifact)
    _recorders.append(Recorder(Engine(loaded.model, version=loaded.version)))


def _score(users: Sequence[str], now: np.datetime64) -> Records:
    return records_of(_recorders[0], users, now)
