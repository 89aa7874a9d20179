"""The store is full before a new version is in: the old one goes on, and the half of the new one is taken back.

The limit is put half a version above what is in use, with no eviction, as documented for a Redis of one's own. After
that, the limit is lifted and the same version is published.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.made_up_versions import Judged, Publishing, connect, judging, published, users_of
from benchmarks.results import Row, at_least, at_most, figure
from serving.stores import embedded

FAULT = "Redis out of memory during publish"


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard it is tried."""

    users: int = 100_000
    times: int = 5


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it."""

    judged: Judged
    refusals: tuple[str, ...]
    """What each publisher said."""
    gone_after_seconds: tuple[float, ...]
    """From each beginning to publish until nothing of the new version was left."""
    records_left: int
    published_seconds: float
    """Once there was room."""

    def rows(self) -> list[Row]:
        """Return the figures."""
        said = sum("maxmemory" in refusal for refusal in self.refusals)
        return [
            figure("publishers refused, naming the reason", said, "", goal=at_least(len(self.refusals))),
            figure("answers from the old version", self.judged.answers, "", goal=at_least(1)),
            figure("answers mixing versions", self.judged.mixed, "", goal=at_most(0)),
            figure("users missing", self.judged.missing, "", goal=at_most(0)),
            figure("answers refused", self.judged.refused, "", goal=at_most(0)),
            figure(
                "half a version gone, from the beginning to publish",
                max(self.gone_after_seconds),
                "s",
                goal=at_most(60),
            ),
            figure("records of it left", self.records_left, "", goal=at_most(0)),
            figure("published once there is room", self.published_seconds, "s"),
        ]


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), Effort(users=10_000, times=2) if quick else Effort()).rows()


def run(folder: Path, effort: Effort) -> Found:
    """Publish into too little room while others read, then into enough."""
    with embedded.running(folder) as url:
        empty = asyncio.run(_used_bytes(url))
        published(url, "old", n_users=effort.users)
        used = asyncio.run(_used_bytes(url))
        refusals, gone, left = [], [], 0
        with judging(url, n_users=effort.users) as judged:
            for _ in range(effort.times):
                asyncio.run(_limit(url, used + (used - empty) // 2))
                start = time.monotonic()
                publishing = Publishing(url, "new", n_users=effort.users)
                publishing.begin()
                refusals.append(publishing.wait())
                gone.append(time.monotonic() - start)
                asyncio.run(_limit(url, 0))
                left += asyncio.run(_count(url, "new", effort.users))
            seconds = published(url, "new", n_users=effort.users)
        return Found(judged, tuple(refusals), tuple(gone), left, seconds)


async def _used_bytes(url: str) -> int:
    stores = connect(url)
    try:
        return int((await stores.connection.command("INFO", "memory"))["used_memory"])
    finally:
        await stores.close()


async def _limit(url: str, maxmemory: int) -> None:
    stores = connect(url)
    try:
        await stores.connection.command("CONFIG", "SET", "maxmemory", maxmemory, "maxmemory-policy", "noeviction")
    finally:
        await stores.close()


async def _count(url: str, version: str, n_users: int) -> int:
    stores = connect(url)
    try:
        return await stores.slates.count(version, users_of(n_users))
    finally:
        await stores.close()
