"""What a process says about itself: gauges read when somebody looks, a loop that is late, a server that answers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.access.settings import AccessSettings
from serving.engine_thread import EngineThread
from serving.front.front import Front
from serving.metrics import MULTIPROCESS_VARIABLE, Metrics
from serving.service import Service
from serving.shelves.stale import StaleRecords
from serving.stores.memory import MemoryStores
from serving.tally import Tally
from serving.vitals import Vitals, resident_bytes
from tests.serving.conftest import Serve, Served

pytestmark = pytest.mark.anyio


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"regulars_{name}", labels)


def vitals_of(metrics: Metrics) -> Vitals:
    return Vitals(metrics, MemoryStores(), Tally(metrics))


async def test_gauges_are_read_when_somebody_looks() -> None:
    """Stale users, memory, processor time and the start are there after one look, with no request asked to count."""
    metrics = Metrics()
    stale, vitals = StaleRecords(10, metrics), vitals_of(metrics)
    stale.keep("u", b"", version="v")
    assert value(metrics, "stale_users") == 0
    vitals.take()
    assert value(metrics, "stale_users") == 1
    assert value(metrics, "resident_memory_bytes") == pytest.approx(resident_bytes(), rel=0.2)
    assert (value(metrics, "cpu_seconds_total") or 0) > 0
    assert time.time() - (value(metrics, "process_start_time_seconds") or 0) < 60


async def test_processor_time_is_counted_once() -> None:
    """Looking often counts no second twice."""
    metrics = Metrics()
    vitals = vitals_of(metrics)
    for _ in range(5):
        vitals.take()
    assert value(metrics, "cpu_seconds_total") == pytest.approx(time.process_time(), abs=0.5)


async def test_a_loop_that_is_held_up_is_noticed() -> None:
    """Something that keeps the loop for 300 ms is seen as a lag of more than 100 ms."""
    metrics, stop = Metrics(), asyncio.Event()
    watching = asyncio.create_task(vitals_of(metrics).watch_loop(stop))
    await asyncio.sleep(0.05)
    time.sleep(0.3)
    await asyncio.sleep(0.2)
    stop.set()
    await watching
    count, quick = (
        value(metrics, "event_loop_lag_seconds_count"),
        value(metrics, "event_loop_lag_seconds_bucket", le="0.1"),
    )
    assert (count or 0) - (quick or 0) == 1


async def test_requests_under_way_and_refused_ones_are_there(shop: Served, serve: Serve, settings: Any) -> None:
    """A computed slate is timed, a refusal counted with its reason, the program's version named."""
    await shop.post("/v1/recommendations", {"guest": True, "seeds": {"cart": ["nothing"]}})
    metrics = shop.state.metrics
    assert value(metrics, "engine_seconds_count", what="slate") == 1
    text = (await shop.client.get("/metrics")).text
    assert 'regulars_build_info{version="' in text
    assert (value(metrics, "engine_seconds_count", what="slate") or 0) == value(metrics, "engine_wait_seconds_count")
    async with serve(settings=settings.model_copy(update={"access": AccessSettings(keys="required")})) as closed:
        assert (await closed.client.get("/v1/trending")).status_code == 401
        assert value(closed.state.metrics, "refused_requests_total", reason="key_required") == 1


async def test_redis_is_timed_where_users_are_read(shop: Served) -> None:
    """As soon as a user was read, each look measures one round trip."""
    await shop.state.vitals.ask_store()
    assert value(shop.state.metrics, "store_round_trip_seconds_count") == 0
    await shop.get("/v1/users/nobody/recommendations")
    await shop.state.vitals.ask_store()
    assert value(shop.state.metrics, "store_round_trip_seconds_count") == 1


async def test_waiting_slates_are_seen(shop: Served) -> None:
    """The engine's queue is a gauge that is read, not kept."""
    engine: EngineThread = shop.state.service._thread
    async with engine._threads:
        asking = asyncio.create_task(shop.post("/v1/recommendations", {"guest": True, "seeds": {"cart": ["i1"]}}))
        while engine._threads.statistics().tasks_waiting == 0:
            await asyncio.sleep(0.01)
        shop.state.vitals.take()
        assert value(shop.state.metrics, "engine_waiting") == 1
    await asking


async def test_the_dead_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gauges of processes that live no more go; counters stay, and so does what living processes hold."""
    monkeypatch.setenv(MULTIPROCESS_VARIABLE, str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = [f"gauge_livesum_{dead.pid}.db", f"gauge_livemax_{os.getpid()}.db", f"counter_{dead.pid}.db"]
    for name in names:
        (tmp_path / name).touch()
    Metrics.forget_the_dead(object.__new__(Metrics))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


async def test_a_mistake_on_the_way_of_page_views_is_counted_and_told(
    shop: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What breaks while a page view is answered ends in a problem, in the metrics and in the log, like all else."""

    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("mallory")

    monkeypatch.setattr(Service, "cut", broken)
    transport = httpx.ASGITransport(Front(shop.app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        answer = await client.get("/v1/users/mallory/recommendations")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    route = "/v1/users/{user_id:path}/recommendations"
    counted = value(shop.state.metrics, "requests_total", route=route, method="GET", status="500", source="")
    assert counted == 1
    assert f"a request to {route} failed" in caplog.text
