"""Claim: a page view costs little more than the bare server's answer, and a fraction of the usual way to build it.

The demo's shop (a made-up one in a short run) is published into an embedded Valkey and served by ``regulars serve``
with a key required: a secret one, as a shop's own server has, since nobody else is told a user's picks without a
signed token. Each answer that is measured beside peers is checked to be the user's own. Beside it, on the same server
(granian, uvloop, the same options), run a bare ASGI app that returns bytes of the same length, the same app after a
read of the user as ours makes it, and a plain FastAPI route that reads the same lists with redis-py, checks the same
key, leaves out what is not in stock and writes JSON with orjson. All are asked in turn, round after round, by
`benchmarks.load`.

Each server is one process, pinned to core 0; Valkey and the generator are pinned to core 1. On a machine with one core
nothing is pinned. Ratios are of requests per second in a closed loop of 64 connections; in the open loop requests are
due at a steady rate, and their latency counts from the moment in which they were due.
"""

from __future__ import annotations

from benchmarks.results import Row, at_least
from benchmarks.serving.questions import guests, page_views, similar_items
from benchmarks.serving.rounds import BARE, PLAIN, READING, Effort, closed_rows, latency_rows, open_rows, workers_rows
from benchmarks.serving.shop import trained
from benchmarks.serving.stage import staged

GUESTS_PER_SECOND = 20.0


def measure(*, quick: bool) -> list[Row]:
    """Measure page views, product pages and guests."""
    effort = Effort.of(quick=quick)
    with trained(quick=quick) as served, staged(served) as stage:
        users = page_views(stage.model)
        return [
            *closed_rows(stage, users, effort, {BARE: at_least(0.6), READING: None, PLAIN: at_least(6)}),
            *open_rows(stage, users, effort),
            *workers_rows(stage, users, effort),
            *closed_rows(stage, similar_items(stage.model), effort, {BARE: at_least(0.6)}),
            *latency_rows(stage, guests(stage.model), effort, rate=GUESTS_PER_SECOND),
        ]
