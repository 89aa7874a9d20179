"""Publishing is all or nothing, whatever happens on the way."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import anyio
import psutil
import pytest

from recommender.errors import RecommenderError, StoreUnavailable, UnknownVersion
from recommender.purpose import STORED
from serving import housekeeping, scoring
from serving.publisher import publish, rollback
from serving.scoring import InProcesses, Records
from serving.settings import AppSettings
from serving.shelves.recorder import Recorder
from serving.stores import Pointer
from serving.stores.memory import MemoryStores
from serving.stores.packed import Numbering, unpack
from serving.stores.redis import RedisSlates, RedisStores
from tests.planted import user_id
from tests.serving.conftest import Serve, Shelves, published
from training.progress import SilentProgress, SilentStep, Step

pytestmark = pytest.mark.anyio

SLOW_PUBLISHER = """
import asyncio, sys
from pathlib import Path
from recommender.artifact import load_artifact
from recommender.engine import Engine
from serving import publisher, scoring
from serving.settings import AppSettings
from serving.stores.redis import RedisStores
from training.progress import SilentProgress, Step

class Slow(SilentProgress):
    def step(self, name, *, total=None):
        print(name, flush=True)
        return super().step(name, total=total)

scoring.BATCH = 5
directory = Path(sys.argv[2])
artifact = load_artifact(directory)
stores = RedisStores.connect(sys.argv[1], AppSettings(), timeout_seconds=10)
engine = Engine(artifact.model, version=artifact.version)
how = scoring.InProcesses(directory, workers=2) if "processes" in sys.argv else scoring.InThread(engine)
if __name__ == "__main__":
    asyncio.run(publisher.publish(engine, stores.slates, progress=Slow(), scoring=how))
    print("done", flush=True)
"""


async def test_everybody_has_candidates_for_every_stored_purpose(stores: RedisStores, registry: Shelves) -> None:
    """Two hundred users, two purposes, one pointer."""
    found = await published(registry.shop, stores)
    assert (found.version, found.previous, found.users) == (registry.shop.version, None, 200)
    users = list(registry.shop.model.users)
    assert await stores.slates.count(found.version, users) == 200
    record = await stores.slates.read_user(user_id(0), version=found.version)
    assert record.candidates is not None
    numbering = Numbering(registry.shop.model)
    assert all(len(unpack(record.candidates, purpose, numbering).candidates) for purpose in STORED)
    assert await stores.slates.versions() == {found.version: 200}


async def test_publishing_again_changes_nothing(stores: RedisStores, registry: Shelves) -> None:
    """Same version, same bytes, same way back."""
    await published(registry.hostile, stores)
    await published(registry.shop, stores)
    before = await stores.slates.read_user(user_id(0), version=registry.shop.version)
    again = await published(registry.shop, stores)
    assert again.previous == registry.hostile.version
    after = await stores.slates.read_user(user_id(0), version=registry.shop.version)
    assert before == after


async def test_rollback_goes_one_version_back_and_forth(stores: RedisStores, registry: Shelves) -> None:
    """Instant, and undone the same way; without a version before, it says so."""
    await published(registry.shop, stores)
    with pytest.raises(UnknownVersion, match="nothing to roll back to"):
        await rollback(stores.slates)
    await published(registry.hostile, stores)
    assert await rollback(stores.slates) == Pointer(registry.shop.version, registry.hostile.version)
    assert await rollback(stores.slates, registry.hostile.version) == Pointer(
        registry.hostile.version, registry.shop.version
    )
    with pytest.raises(UnknownVersion, match="v9"):
        await rollback(stores.slates, "v9")


async def test_lost_candidates_stop_the_publishing(registry: Shelves) -> None:
    """A store that lost a single record keeps serving the old version."""
    stores = MemoryStores()
    await published(registry.hostile, stores)

    class Forgetful(SilentProgress):
        def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
            if name.startswith("check"):
                stores.slates._candidates.popitem()
            return super().step(name, total=total)

    with pytest.raises(StoreUnavailable, match="of 200 users, 199 have candidates"):
        await publish(registry.shop, stores.slates, progress=Forgetful())
    assert (await stores.slates.pointer()).current == registry.hostile.version


async def test_erased_users_are_not_published(stores: RedisStores, registry: Shelves) -> None:
    """Whoever was erased before, or while the publisher writes, has no candidates afterwards."""
    await stores.slates.erase(user_id(0))

    class Meanwhile(RedisSlates):
        async def count(self, version: str, users: Sequence[str]) -> int:
            assert user_id(1) not in users
            return await super().count(version, users)

        async def write(self, version: str, records: Sequence[tuple[str, bytes]]) -> None:
            await super().write(version, records)
            await self.erase(user_id(1))

    store = Meanwhile(stores.connection, keep_seconds=60, fresh_events=5, fresh_seconds=60)
    found = await publish(registry.shop, store, progress=SilentProgress())
    assert found.users == 198
    assert await stores.slates.count(found.version, [user_id(0), user_id(1)]) == 0


@pytest.mark.parametrize("written", [1, 60, 180])
async def test_a_killed_publisher_leaves_the_old_version(
    serve: Serve, stores: RedisStores, registry: Shelves, settings: AppSettings, written: int
) -> None:
    """SIGKILL on the way: everybody is answered from the old version, and a server removes what was written."""
    await published(registry.hostile, stores)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_PUBLISHER, settings.redis.url or "", str(registry.root / registry.shop.version)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    users = list(registry.shop.model.users)
    with anyio.fail_after(60):
        while await stores.slates.count(registry.shop.version, users) < written:
            await anyio.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (await stores.slates.pointer()).current == registry.hostile.version
    with pytest.raises(UnknownVersion):
        await rollback(stores.slates, registry.shop.version)
    async with serve() as running:
        assert (await running.get("/v1/trending"))["model_version"] == registry.hostile.version
        await housekeeping.remove_versions(running.state)
    assert await stores.slates.count(registry.shop.version, users) == 0
    await published(registry.shop, stores)
    assert (await stores.slates.pointer()).current == registry.shop.version


class Events(SilentProgress):
    """Does something when a batch has been written."""

    def __init__(self, after_a_batch: Callable[[], object]) -> None:
        self._after_a_batch = after_a_batch

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
        return nullcontext(Batches(self._after_a_batch) if total else SilentStep())


class Batches(SilentStep):
    def __init__(self, after_a_batch: Callable[[], object]) -> None:
        self._after_a_batch = after_a_batch

    def advance(self, amount: int = 1) -> None:
        self._after_a_batch()


async def test_processes_score_what_a_thread_scores(
    stores: RedisStores, registry: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes for everybody, several batches at a time, and no process stays."""
    monkeypatch.setattr(scoring, "BATCH", 30)
    now = registry.shop.model.as_of
    users = list(registry.shop.model.users)
    shared: Records = []
    async for batch in InProcesses(registry.root / registry.shop.version, workers=2).batches(users, now=now):
        shared += batch
    assert dict(shared) == dict(scoring.records_of(Recorder(registry.shop), users, now))
    assert len(shared) == len(users)
    assert multiprocessing.active_children() == []


async def test_a_killed_scoring_process_is_a_clear_error(
    stores: RedisStores, registry: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is published, what was written is taken back, and the other processes end."""
    monkeypatch.setattr(scoring, "BATCH", 5)
    in_processes = InProcesses(registry.root / registry.shop.version, workers=2)

    def kill_one() -> None:
        for child in multiprocessing.active_children()[:1]:
            child.kill()

    with pytest.raises(RecommenderError, match="ended before its time"):
        await publish(registry.shop, stores.slates, progress=Events(kill_one), scoring=in_processes)
    assert await stores.slates.pointer() == Pointer()
    assert await stores.slates.count(registry.shop.version, list(registry.shop.model.users)) == 0
    assert multiprocessing.active_children() == []


async def test_ctrl_c_leaves_nothing_behind(
    stores: RedisStores, registry: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publisher that is cancelled takes back what it wrote and ends its processes."""
    monkeypatch.setattr(scoring, "BATCH", 5)
    await published(registry.hostile, stores)
    task = asyncio.current_task()
    assert task is not None
    stop = Events(lambda: task.cancel())
    in_processes = InProcesses(registry.root / registry.shop.version, workers=2)
    with pytest.raises(asyncio.CancelledError):
        await publish(registry.shop, stores.slates, progress=stop, scoring=in_processes)
    task.uncancel()
    assert (await stores.slates.pointer()).current == registry.hostile.version
    assert await stores.slates.versions() == {registry.hostile.version: len(registry.hostile.model.users)}
    assert await stores.slates.count(registry.shop.version, list(registry.shop.model.users)) == 0
    assert multiprocessing.active_children() == []


async def test_scoring_processes_end_with_a_killed_publisher(
    stores: RedisStores, registry: Shelves, settings: AppSettings
) -> None:
    """SIGKILL leaves no process behind that scores for nobody."""
    directory = str(registry.root / registry.shop.version)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_PUBLISHER, settings.redis.url or "", directory, "processes"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
    )
    with anyio.fail_after(60):
        while not await stores.slates.count(registry.shop.version, list(registry.shop.model.users)):
            await anyio.sleep(0.001)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        assert len(children) >= 2
        while any(child.is_running() for child in children):
            await anyio.sleep(0.05)
