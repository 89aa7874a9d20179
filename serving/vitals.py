"""What a process notices about itself between requests: how busy it is, how much it holds, how fast Redis answers.

Requests are not asked to count any of this: gauges are read when somebody looks and once a poll, and a timer that
should fire ten times a second says how late the event loop is.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path

from recommender.errors import StoreUnavailable
from serving.metrics import Metrics
from serving.stores import Stores
from serving.tally import Tally

LAG_SECONDS = 0.1
"""A loop that is held up for so long is surely noticed; looking costs some microseconds each time."""

_log = logging.getLogger(__name__)

_MEMORY = Path("/proc/self/statm")


class Vitals:
    """Brings the metrics up to date."""

    def __init__(self, metrics: Metrics, stores: Stores, tally: Tally) -> None:
        self._metrics = metrics
        self._stores = stores
        self._tally = tally
        self._cpu = 0.0
        self._lost = 0
        self._told = False
        metrics.started.set(time.time())
        metrics.workers.set(1)

    def take(self) -> None:
        """Write down what can be read at once."""
        metrics = self._metrics
        self._tally.hand_over()
        metrics.sample()
        metrics.breaker.set(self._stores.breaker_state)
        metrics.memory.set(resident_bytes())
        used = time.process_time()
        metrics.cpu.inc(used - self._cpu)
        lost = self._stores.connections_lost
        metrics.connections_lost.inc(max(0, lost - self._lost))
        self._cpu, self._lost = used, lost
        metrics.forget_the_dead()

    async def ask_store(self) -> None:
        """Measure one round trip on the connection that reads users, if there is one."""
        started = time.perf_counter()
        try:
            answered = await self._stores.round_trip()
        except StoreUnavailable:
            return
        if answered:
            self._metrics.store_round_trip.observe(time.perf_counter() - started)

    async def ask_persistence(self, *, sync_events: bool) -> None:
        """Ask the store whether it writes to disk, and say once if it does not.

        Raises
        ------
        StoreUnavailable
            If it does not answer.
        """
        keeps = await self._stores.keeps()
        if keeps is None:
            return
        self._metrics.store_persistent.set(keeps)
        if not keeps and not self._told:
            self._told = True
            lost = "what visitors did since the last training leaves their slates" + (
                "" if sync_events else ", and accepted events that are in no file yet are lost"
            )
            _log.warning("Redis has no append-only file (appendonly no): if it dies, %s", lost)

    async def watch_loop(self, stop: asyncio.Event) -> None:
        """Measure how late the event loop is, until told to stop."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            due = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            self._metrics.loop_lag.observe(max(0.0, loop.time() - due))


def resident_bytes() -> int:
    """Return the memory this process occupies, shared pages included; 0 where the system does not say."""
    try:
        pages = int(_MEMORY.read_bytes().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
