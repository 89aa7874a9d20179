"""A server is replaced under load, again and again: the next starts on the same port, then the first is told to stop.

This is what docs/operations.md tells operators to do. Both have ``serving.share_port``; the second says that it is
ready as it would to systemd; the first gets SIGTERM and has `serving.leave_seconds` to send its clients away.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.instance import Instance
from benchmarks.faults.shop import FULL, Shop, Size
from benchmarks.faults.store import store
from benchmarks.faults.traffic import MAX_SECONDS, Observed, traffic
from benchmarks.faults.workplace import workplace
from benchmarks.load import Plan
from benchmarks.results import Row, at_most, figure
from benchmarks.server import free_port

FAULT = "rolling restart × 10 under load (SIGTERM)"
SETTINGS = ("serving.share_port=true",)


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard it is tried."""

    restarts: int = 10
    rate: float = 300.0
    connections: int = 64
    size: Size = FULL


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What came of it."""

    observed: Observed
    restarts: int
    exits: tuple[int, ...]
    """The exit statuses of those that were told to stop."""

    def rows(self) -> list[Row]:
        """Return the figures."""
        seen = self.observed
        return [
            figure("restarts", self.restarts, ""),
            figure("requests", len(seen.records), ""),
            figure("failed requests", seen.failed, "", goal=at_most(0)),
            figure("sent twice, as the connection had just closed", seen.retried, ""),
            figure("p99, from when a request was due", seen.latency_ms(0.99), "ms"),
            figure("servers that did not end in order", sum(map(bool, self.exits)), "", goal=at_most(0)),
        ]


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures."""
    with workplace() as folder:
        return run(folder, Effort(restarts=2) if quick else Effort()).rows()


def run(folder: Path, effort: Effort) -> Found:
    """Replace the server while requests come."""
    shop = Shop.build(folder / "shop", effort.size)
    with store(folder / "valkey") as killable:
        shop.publish(shop.versions[0], killable.url)
        port = free_port()
        servers = [
            Instance(shop, killable.url, port=port, settings=SETTINGS, name=f"-{number}")
            for number in range(effort.restarts + 1)
        ]
        exits = []
        try:
            servers[0].start_until_it_says_ready()
            servers[0].wait_until_ready()
            plan = Plan(port, shop.user_requests(), MAX_SECONDS, connections=effort.connections, rate=effort.rate)
            with traffic(plan, folder) as running:
                for number in range(effort.restarts):
                    servers[number + 1].start_until_it_says_ready()
                    exits.append(servers[number].terminate())
                observed = running.finish()
        finally:
            for server in servers:
                server.stop()
    return Found(observed, effort.restarts, tuple(exits))
