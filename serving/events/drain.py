"""Moving accepted events out of the stream into event files, each exactly once.

Every process runs a drain, and the one that holds the lease works. A batch is written and synced, and only then
dropped from the stream; after a crash in between, its ids are found in the file and the batch is dropped unwritten.
"""

from __future__ import annotations

import logging
import uuid
from pathlib import Path

import anyio.to_thread
import orjson

from recommender.errors import StoreUnavailable
from serving.clock import Clock
from serving.erasures import Erasures
from serving.events import files
from serving.metrics import Metrics
from serving.stores import EventStream

BATCH = 1000
LEASE_SECONDS = 30.0
"""Longer than a batch can take, so that two drains never write the same one; a dead holder delays files, not slates."""

_log = logging.getLogger(__name__)


class Drain:
    """Empties the stream into ``events-<day>.jsonl``."""

    def __init__(
        self, stream: EventStream, erasures: Erasures, clock: Clock, metrics: Metrics, *, folder: Path
    ) -> None:
        self._stream = stream
        self._erasures = erasures
        self._clock = clock
        self._metrics = metrics
        self._folder = folder
        self._recent = files.RecentIds(folder)
        self._owner = uuid.uuid4().hex

    async def run_once(self) -> int:
        """Move everything that waits, if this process may; return how many events were written.

        Raises
        ------
        StoreUnavailable
            If Redis is away; what was not dropped stays in the stream.
        OSError
            If the disk is full or not writable; the same holds.
        """
        written = 0
        while await self._stream.lease(self._owner, seconds=LEASE_SECONDS):
            entries = await self._stream.read(BATCH)
            self._metrics.events_waiting.set(await self._stream.length())
            if not entries:
                break
            written += await anyio.to_thread.run_sync(self._write, [payload for _, payload in entries])
            if not await self._stream.drop([entry for entry, _ in entries], owner=self._owner):
                break
        return written

    async def finish(self) -> None:
        """Move what waits a last time and let another process take over; never raises."""
        try:
            await self.run_once()
            await self._stream.release(self._owner)
        except (StoreUnavailable, OSError) as error:
            _log.warning("events stay in the stream for the next start: %s", error)

    def _write(self, payloads: list[bytes]) -> int:
        known = self._recent.refresh()
        lines = []
        for payload in payloads:
            event = orjson.loads(payload)
            if event["event_id"] in known:
                continue
            forgotten = event.get("user_id") in self._erasures
            lines.append(orjson.dumps({**event, "user_id": None}) if forgotten else payload)
        if lines:
            files.append(self._folder / f"events-{self._clock.wall():%Y-%m-%d}.jsonl", lines)
            self._metrics.events_drained.inc(len(lines))
        return len(lines)
