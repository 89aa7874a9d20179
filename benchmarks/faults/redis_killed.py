"""Redis dies under load, several times: answers go on, say that they are less than usual, and recover by themselves.

Requests for users' slates are due at a steady rate while the store is killed without warning, stays away for a while,
and is started again. *Fresh again* is the time from the store's first PONG to the last degraded answer after it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.instance import instance
from benchmarks.faults.shop import FULL, Shop, Size
from benchmarks.faults.store import KillableStore, store
from benchmarks.faults.traffic import Observed, traffic
from benchmarks.faults.workplace import workplace
from benchmarks.load import Plan
from benchmarks.results import Row, at_most, figure

FAULT = "Redis killed 5 × under 1,000 req/s"


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard it is tried."""

    kills: int = 5
    rate: float = 1000.0
    up_seconds: float = 4.0
    """Before each kill, and at the end."""
    away_seconds: float = 3.0
    size: Size = FULL


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What came of it."""

    observed: Observed
    fresh_again_seconds: tuple[float, ...]
    """For each kill, from the store's return to the last degraded answer."""

    def rows(self) -> list[Row]:
        """Return the figures."""
        seen = self.observed
        return [
            figure("answers", seen.answers, ""),
            figure("answers of 5xx", seen.server_errors, "", goal=at_most(0)),
            figure("unfinished requests", seen.unfinished, "", goal=at_most(0)),
            figure("p50, from when a request was due", seen.latency_ms(0.5), "ms"),
            figure("p99, from when a request was due", seen.latency_ms(0.99), "ms", goal=at_most(25)),
            figure("fresh again after the return, longest", max(self.fresh_again_seconds), "s", goal=at_most(1)),
            figure("share of degraded answers", 100 * seen.degraded_share, "%"),
        ]


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures."""
    effort = Effort(kills=2, up_seconds=3.0, away_seconds=2.0) if quick else Effort()
    with workplace() as folder:
        return run(folder, effort).rows()


def run(folder: Path, effort: Effort) -> Found:
    """Kill the store again and again while requests come."""
    shop = Shop.build(folder / "shop", effort.size)
    with store(folder / "valkey") as killable:
        shop.publish(shop.versions[0], killable.url)
        with instance(shop, killable.url) as serving:
            for request in range(3):
                serving.get(f"/v1/users/warm{request}/recommendations")
            seconds = effort.kills * (effort.up_seconds + effort.away_seconds) + effort.up_seconds
            plan = Plan(serving.port, shop.user_requests(), seconds, connections=64, rate=effort.rate)
            with traffic(plan, folder) as running:
                returns = _kill_again_and_again(killable, effort)
                observed = running.wait()
    return Found(observed, tuple(_fresh_again(observed, returned, killed) for killed, returned in returns))


def _kill_again_and_again(killable: KillableStore, effort: Effort) -> list[tuple[float, float]]:
    """Return when each next kill came, and when the store was back before it."""
    backs, kills = [], []
    for _ in range(effort.kills):
        time.sleep(effort.up_seconds)
        kills.append(killable.kill())
        time.sleep(effort.away_seconds)
        backs.append(killable.start())
    until = [*kills[1:], backs[-1] + effort.up_seconds]
    return list(zip(until, backs, strict=True))


def _fresh_again(observed: Observed, returned: float, until: float) -> float:
    """Return how long requests got degraded answers after the store's return, and before the next kill."""
    sent, done = observed.records["sent"], observed.records["done"]
    late = sent[observed.degraded & (sent >= returned) & (done < until)]
    return float(late.max() - returned) if len(late) else 0.0
