"""Publishers die at random moments while readers read: nobody misses anything, and no half-written version stays.

Each publisher is killed after a random share of the time that one takes undisturbed, so it dies while it writes,
checks, switches over or removes, or has just ended. About half of them try again what the one before them did not
finish; the others publish something new.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.made_up_versions import Judged, Publishing, connect, judging, published, users_of
from benchmarks.results import Row, at_least, at_most, figure
from serving.housekeeping import SETTLE_SECONDS
from serving.stores import embedded, keys

FAULT = "publisher killed at random points with readers reading"
SPREAD = 1.5
"""Publishers have removing to do that an undisturbed one has not, so they are given more time before they die."""
LARGER = 5
"""The last publisher has so many times the users: time enough to see it write."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard it is tried."""

    kills: int = 200
    users: int = 20_000
    seed: int = 5
    look_every_seconds: float = SETTLE_SECONDS
    """How often a server looks for what killed publishers left."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it."""

    kills: int
    judged: Judged
    half_written: int
    """Publishers that died between their first record and the change of the pointer."""
    finished: int
    """Publishers whose version was served when they were killed."""
    left_behind: int
    """Records of versions that were never served, after one more publisher was let through."""
    gone_after_seconds: float
    """From a last kill until a server has removed what that publisher wrote."""

    def rows(self) -> list[Row]:
        """Return the figures."""
        return [
            figure("publishers killed", self.kills, "", goal=at_least(1)),
            figure("killed with half a version written", self.half_written, "", goal=at_least(1)),
            figure("killed after the pointer was changed", self.finished, ""),
            figure("answers while publishers died", self.judged.answers, "", goal=at_least(1)),
            figure("different versions served", self.judged.versions, ""),
            figure("answers mixing versions", self.judged.mixed, "", goal=at_most(0)),
            figure("users missing", self.judged.missing, "", goal=at_most(0)),
            figure("answers refused", self.judged.refused, "", goal=at_most(0)),
            figure("half-written records left after the next publisher", self.left_behind, "", goal=at_most(0)),
            figure("half a version gone, without a next publisher", self.gone_after_seconds, "s", goal=at_most(60)),
        ]


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), Effort(kills=30) if quick else Effort()).rows()


def run(folder: Path, effort: Effort) -> Found:
    """Kill publisher after publisher while others read."""
    draw = random.Random(effort.seed)
    with embedded.running(folder) as url:
        undisturbed = max(published(url, f"first{n}", n_users=effort.users) for n in range(2))
        half_written = finished = attempt = 0
        with judging(url, n_users=effort.users) as judged:
            for _ in range(effort.kills):
                attempt += draw.random() < 0.5
                served, written = _killed(url, f"v{attempt}", effort, after=SPREAD * draw.random() * undisturbed)
                half_written += written and not served
                finished += served
            published(url, "last", n_users=effort.users)
            left_behind = asyncio.run(_records_never_served(url))
            gone_after = _gone_after(url, effort)
        return Found(effort.kills, judged, half_written, finished, left_behind, gone_after)


def _killed(url: str, version: str, effort: Effort, *, after: float) -> tuple[bool, bool]:
    """Kill a publisher some time after it began; return whether its version is served, and whether it wrote any."""
    publishing = Publishing(url, version, n_users=effort.users)
    publishing.begin()
    time.sleep(after)
    publishing.kill()
    return asyncio.run(_state(url, version, effort.users))


async def _state(url: str, version: str, n_users: int) -> tuple[bool, bool]:
    stores = connect(url)
    try:
        served = (await stores.slates.pointer()).current == version
        return served, await stores.slates.count(version, users_of(n_users)) > 0
    finally:
        await stores.close()


async def _records_never_served(url: str) -> int:
    """Count what belongs to neither a served version nor one that was served before."""
    stores = connect(url)
    try:
        kept, found = set(await stores.slates.versions()), 0

        async def visit(names: list[str]) -> None:
            nonlocal found
            found += sum(keys.version_of(name) not in kept for name in names)

        await stores.connection.scan(keys.CANDIDATES, visit)
        return found
    finally:
        await stores.close()


def _gone_after(url: str, effort: Effort) -> float:
    """Kill a larger one once it has written something, and look as a server does until nothing is left of it."""
    users = LARGER * effort.users
    publishing = Publishing(url, "lost", n_users=users)
    publishing.begin()
    while not asyncio.run(_state(url, "lost", effort.users))[1]:
        time.sleep(0.01)
    publishing.kill()
    if asyncio.run(_state(url, "lost", effort.users))[0]:
        raise RuntimeError("the publisher was done before it could be killed; give it more users")
    start = time.monotonic()
    while asyncio.run(_records_never_served(url)):
        time.sleep(effort.look_every_seconds)
        asyncio.run(_settled(url))
    return time.monotonic() - start


async def _settled(url: str) -> None:
    stores = connect(url)
    try:
        await stores.slates.settle()
    finally:
        await stores.close()
