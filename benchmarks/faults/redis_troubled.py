"""Redis is there, but no help: it hangs, is slow, breaks connections off, sends slices or garbage.

A server reaches its store through a `FaultProxy`. Requests come at a steady rate while one trouble follows the other,
with a while of peace between them; a hanging store is a real one that was sent SIGSTOP.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults import mixups
from benchmarks.faults.instance import instance
from benchmarks.faults.proxy import FaultProxy
from benchmarks.faults.road import Faults
from benchmarks.faults.shop import FULL, Shop, Size
from benchmarks.faults.store import KillableStore, store
from benchmarks.faults.traffic import Observed, traffic
from benchmarks.faults.workplace import workplace
from benchmarks.load import Plan
from benchmarks.results import Row, at_most, figure

FAULT = "Redis hangs, is slow, resets, sends sliced or garbage bytes"

TROUBLES: Mapping[str, Faults | None] = {
    "hangs": None,
    "silent": Faults(stalled=True),
    "slow": Faults(latency_seconds=0.3),
    "resets": Faults(reset_every=20_000),
    "sliced": Faults(slice_bytes=5),
    "garbage": Faults(garbage_every=5_000),
    "loses bytes": Faults(lose_every=5_000),
}
"""None: the store itself is stopped."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard it is tried."""

    seconds: float = 6.0
    """Of each trouble, and of peace after it."""
    rate: float = 300.0
    mixup_requests: int = 1_000_000
    size: Size = FULL


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What came of it."""

    observed: Observed
    by_trouble: Mapping[str, Observed]
    recovered: bool
    """Whether the last answers, in peace, were full ones."""
    mixed_up: mixups.Figures | None

    def rows(self) -> list[Row]:
        """Return the figures."""
        seen = self.observed
        rows = [
            figure("answers", seen.answers, ""),
            figure("answers of 5xx", seen.server_errors, "", goal=at_most(0)),
            figure("unfinished requests", seen.unfinished, "", goal=at_most(0)),
            figure("share of degraded answers", 100 * seen.degraded_share, "%"),
        ]
        for trouble, part in self.by_trouble.items():
            rows.append(figure(f"{trouble}: p99, from when a request was due", part.latency_ms(0.99), "ms"))
        if self.mixed_up is not None:
            rows.append(figure("replies read through faults", self.mixed_up.answered, ""))
            rows.append(figure("mixed-up replies", self.mixed_up.mixed_up, "", goal=at_most(0)))
            rows.append(figure("garbled replies", self.mixed_up.garbled, ""))
        return rows


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures; the short form reads a hundred thousand replies."""
    effort = Effort(seconds=1.5, mixup_requests=100_000) if quick else Effort()
    with workplace() as folder:
        return run(folder, effort).rows()


def run(folder: Path, effort: Effort) -> Found:
    """Send requests through every trouble in turn, and read many replies over the lane alone."""
    shop = Shop.build(folder / "shop", effort.size)
    with store(folder / "valkey") as killable, FaultProxy(killable.url) as proxy:
        shop.publish(shop.versions[0], killable.url)
        with instance(shop, proxy.url) as serving:
            seconds = effort.seconds * (2 * len(TROUBLES) + 1)
            plan = Plan(serving.port, shop.user_requests(), seconds, connections=64, rate=effort.rate)
            with traffic(plan, folder) as running:
                spells = _one_after_the_other(proxy, killable, effort)
                observed = running.wait()
    last = observed.records["sent"].max() - effort.seconds / 2
    return Found(
        observed=observed,
        by_trouble={name: observed.between(*spell) for name, spell in spells.items()},
        recovered=not observed.between(last, float("inf")).degraded.any(),
        mixed_up=mixups.measure(effort.mixup_requests) if effort.mixup_requests else None,
    )


def _one_after_the_other(proxy: FaultProxy, killable: KillableStore, effort: Effort) -> dict[str, tuple[float, float]]:
    """Return when each trouble began and ended."""
    spells = {}
    for name, faults in TROUBLES.items():
        time.sleep(effort.seconds)
        begin = time.monotonic()
        if faults is None:
            killable.signal(signal.SIGSTOP)
        else:
            proxy.become(faults)
        time.sleep(effort.seconds)
        killable.signal(signal.SIGCONT)
        proxy.become(Faults())
        spells[name] = (begin, time.monotonic())
    return spells
