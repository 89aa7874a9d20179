"""Ten minutes of everyday life: slates, events, and a new version published every minute.

Two versions are published in turn, so every publishing replaces the model in the server. Memory is what its workers
have for themselves (anonymous pages: a mapped artifact is not counted); its slope is a line fitted by least squares
through samples taken after a warm-up, which ends with the second publishing.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.faults.instance import Instance, instance
from benchmarks.faults.senders import Reported, sending
from benchmarks.faults.shop import FULL, SMALL, Shop, Size
from benchmarks.faults.store import KillableStore, store
from benchmarks.faults.traffic import MAX_SECONDS, Observed, traffic
from benchmarks.faults.workplace import workplace
from benchmarks.load import Plan
from benchmarks.results import Row, at_least, at_most, figure

FAULT = "ten-minute soak with a publish every minute"
SAMPLE_SECONDS = 0.5
SECONDS_PER_MINUTE = 60
WARM_PUBLISHINGS = 2
JUDGED_MINUTES = 3
"""A slope over less says more about the moment than about the program."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long it is tried."""

    publishings: int = 10
    every_seconds: float = 60.0
    rate: float = 100.0
    events_rate: float = 100.0
    size: Size = FULL


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What came of it."""

    observed: Observed
    reported: Reported
    publishings: int
    samples: tuple[tuple[float, float], ...]
    """Seconds since the warm-up, and memory in MiB."""

    @property
    def slope(self) -> float:
        """MiB per minute."""
        seconds, memory = np.array(self.samples).T
        return float(np.polyfit(seconds / SECONDS_PER_MINUTE, memory, 1)[0])

    def rows(self) -> list[Row]:
        """Return the figures."""
        seen, memory = self.observed, [mb for _, mb in self.samples]
        minutes = (self.samples[-1][0] - self.samples[0][0]) / SECONDS_PER_MINUTE
        return [
            figure("requests", len(seen.records), ""),
            figure("publishings", self.publishings, "", goal=at_least(1)),
            figure("answers of 5xx", seen.server_errors, "", goal=at_most(0)),
            figure("unfinished requests", seen.unfinished, "", goal=at_most(0)),
            figure("p99, from when a request was due", seen.latency_ms(0.99), "ms"),
            figure("share of degraded answers", 100 * seen.degraded_share, "%"),
            figure("events accepted", len(self.reported.accepted), ""),
            figure("memory observed for", minutes, "min"),
            figure("memory of the workers, least", min(memory), "MiB"),
            figure("memory of the workers, most", max(memory), "MiB"),
            figure("slope of the memory", self.slope, "MB/min", goal=at_most(1) if minutes >= JUDGED_MINUTES else None),
        ]


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures."""
    effort = Effort(publishings=4, every_seconds=7.0, rate=50.0, size=SMALL) if quick else Effort()
    with workplace() as folder:
        return run(folder, effort).rows()


def run(folder: Path, effort: Effort) -> Found:
    """Live."""
    shop = Shop.build(folder / "shop", effort.size, versions=2)
    with store(folder / "valkey") as killable:
        shop.publish(shop.versions[0], killable.url)
        with instance(shop, killable.url) as serving:
            seconds = min(MAX_SECONDS, 3 * effort.publishings * effort.every_seconds)
            plan = Plan(serving.port, shop.user_requests(), seconds, connections=32, rate=effort.rate)
            with (
                traffic(plan, folder) as running,
                sending(serving.port, rate=effort.events_rate, batch=20, threads=1, size=effort.size) as senders,
            ):
                samples = _live(shop, killable, serving, effort)
                reported = senders.stop()
                observed = running.finish()
    return Found(observed, reported, effort.publishings, tuple(samples))


def _live(shop: Shop, killable: KillableStore, serving: Instance, effort: Effort) -> list[tuple[float, float]]:
    """Publish again and again; return the memory since the second publishing was done."""
    samples: list[tuple[float, float]] = []
    stopping = threading.Event()

    def look() -> None:
        while not stopping.wait(SAMPLE_SECONDS):
            samples.append((time.monotonic(), serving.memory_mb()))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    start = warm = time.monotonic()
    for number in range(effort.publishings):
        shop.publish(shop.versions[(number + 1) % 2], killable.url)
        if number == WARM_PUBLISHINGS - 1:
            warm = time.monotonic()
        time.sleep(max(0.0, start + (number + 1) * effort.every_seconds - time.monotonic()))
    stopping.set()
    looking.join()
    return [(at - warm, memory) for at, memory in samples if at > warm]
