"""Five times more requests than the server can answer: some are refused in words, the others are as fast as ever.

First a closed loop finds what the server can do. Then five times that is due, on many connections. *Admitted* are the
answers of 200; their time counts from when a request was sent, since a request that waits for a free connection of
this generator has not reached the server. All processes share the machine's cores, the generator too.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.instance import Instance, instance
from benchmarks.faults.shop import FULL, Shop, Size
from benchmarks.faults.store import store
from benchmarks.faults.traffic import Observed, traffic
from benchmarks.faults.workplace import workplace
from benchmarks.load import Plan, generate
from benchmarks.results import Row, at_least, at_most, figure

FAULT = "five times overload"
TIMES = 5
REFUSALS = {429, 503}
SAMPLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard it is tried."""

    seconds: float = 20.0
    calm_seconds: float = 5.0
    """Of the closed loop that finds the capacity."""
    connections: int = 500
    size: Size = FULL


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What came of it."""

    capacity: float
    observed: Observed
    memory_before_mb: float
    memory_peak_mb: float
    recovered_status: int

    @property
    def statuses(self) -> Counter[int]:
        """Answers by status; 0 for unfinished ones."""
        return Counter(self.observed.records["status"].tolist())

    @property
    def refused(self) -> int:
        """Requests that were refused in words."""
        return sum(self.statuses[status] for status in REFUSALS)

    @property
    def wrong(self) -> int:
        """Answers that are neither a slate nor a refusal that says when to come again."""
        told = int(self.observed.records["retry_after"].sum())
        others = sum(count for status, count in self.statuses.items() if status not in {0, 200, *REFUSALS})
        return others + max(0, self.refused - told)

    def rows(self) -> list[Row]:
        """Return the figures."""
        seen = self.observed
        admitted = self.statuses[200]
        return [
            figure("requests/s that it can answer", self.capacity, "1/s"),
            figure("requests/s due", self.capacity * TIMES, "1/s"),
            figure("requests sent", int((seen.records["sent"] > seen.records["due"]).sum()), ""),
            figure("admitted", admitted, "", goal=at_least(1)),
            figure("refused with 429 or 503", self.refused, "", goal=at_least(1)),
            figure("other answers, and refusals without Retry-After", self.wrong, "", goal=at_most(0)),
            figure("p99 of the admitted, from when they were sent", self.admitted_p99_ms, "ms", goal=at_most(50)),
            figure("memory added", self.memory_peak_mb - self.memory_before_mb, "MiB", goal=at_most(64)),
        ]

    @property
    def admitted_p99_ms(self) -> float:
        """Time to answer of those that were admitted."""
        return self.observed.latency_ms(0.99, since="sent", status=200)


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures."""
    with workplace() as folder:
        return run(folder, Effort(seconds=6.0, calm_seconds=2.0) if quick else Effort()).rows()


def run(folder: Path, effort: Effort) -> Found:
    """Find the capacity, overload, and look at the memory meanwhile."""
    shop = Shop.build(folder / "shop", effort.size)
    with store(folder / "valkey") as killable:
        shop.publish(shop.versions[0], killable.url)
        with instance(shop, killable.url) as serving:
            capacity = _capacity(serving, shop, effort)
            before = serving.memory_mb()
            rate = capacity * TIMES
            plan = Plan(serving.port, shop.user_requests(), effort.seconds, connections=effort.connections, rate=rate)
            with traffic(plan, folder) as running:
                peak = _peak_memory(serving, effort)
                observed = running.wait()
            status = serving.status("/readyz")
    return Found(capacity, observed, before, peak, status)


def _capacity(serving: Instance, shop: Shop, effort: Effort) -> float:
    plan = Plan(serving.port, shop.user_requests(), effort.calm_seconds, connections=32)
    generate(plan)
    return generate(plan).rate


def _peak_memory(serving: Instance, effort: Effort) -> float:
    peak, until = 0.0, time.monotonic() + effort.seconds
    while time.monotonic() < until:
        peak = max(peak, serving.memory_mb())
        time.sleep(SAMPLE_SECONDS)
    return peak
