"""Moving accepted events out of the stream into event files, each exactly once.

Every process runs a drain, and the one that holds the lease works. A batch is written and synced, and only then
dropped from the stream; after a crash in between, its ids are found in the file and the batch is dropped unwritten.

What was accepted while Redis was away lies in spool files. They go through the stream as well, since it alone knows
which events were seen before: a storefront may have sent an event to one process that kept it in a file, and again to
another. A spool is deleted when all of it is in the stream, so a crash in between repeats what is recognised.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread
import orjson

from recommender.errors import StoreUnavailable
from serving.clock import Clock
from serving.erasures import Erasures
from serving.events import files, fresh
from serving.metrics import Metrics
from serving.stores import Stores

BATCH = 1000
LEASE_SECONDS = 10.0
"""Longer than a batch takes; a drain that stalls for longer finds in the file what another wrote meanwhile. A holder
that died delays files for so long, and no slate."""

_log = logging.getLogger(__name__)


class Drain:
    """Empties the stream into ``events-<day>.jsonl``."""

    def __init__(self, stores: Stores, erasures: Erasures, clock: Clock, metrics: Metrics, *, folder: Path) -> None:
        self._stream = stores.stream
        self._slates = stores.slates
        self._erasures = erasures
        self._clock = clock
        self._metrics = metrics
        self._folder = folder
        self._recent = files.RecentIds(folder)
        self._owner = uuid.uuid4().hex

    async def run_once(self) -> int:
        """Move everything that waits, the spools first, if this process may; return how many events were written.

        Raises
        ------
        StoreUnavailable
            If Redis is away; what was not dropped stays in the stream.
        OSError
            If the disk is full or not writable; the same holds.
        """
        written = 0
        while await self._stream.lease(self._owner, seconds=LEASE_SECONDS):
            await self._take_in_spools()
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

    async def _take_in_spools(self) -> None:
        if not any(self._folder.glob(files.SPOOLS)):
            return
        for path in await anyio.to_thread.run_sync(files.take_spools, self._folder):
            events = _read(await anyio.to_thread.run_sync(files.lines_of, path), path)
            for start in range(0, len(events), BATCH):
                await self._take_in(events[start : start + BATCH])
                await self._stream.lease(self._owner, seconds=LEASE_SECONDS)
            await anyio.to_thread.run_sync(files.delete, path)

    async def _take_in(self, events: Sequence[tuple[str, bytes, Mapping[str, Any]]]) -> None:
        """Give spooled events to the stream, and to the slates of their users what the stream did not know."""
        is_new = await self._stream.append([(event_id, line) for event_id, line, _ in events])
        by_user: dict[str, list[bytes]] = {}
        for (_, _, event), new in zip(events, is_new, strict=True):
            if new and (found := fresh.of_line(event)) is not None and found[0] not in self._erasures:
                by_user.setdefault(found[0], []).append(found[1])
        await self._slates.remember(by_user)

    def _write(self, payloads: list[bytes]) -> int:
        """Write what is in no file yet, all by itself: a stopped drain that goes on sees what others wrote."""
        with files.opened(self._folder / f"events-{self._clock.wall():%Y-%m-%d}.jsonl") as file:
            known = self._recent.refresh()
            lines = {
                event["event_id"]: self._line(event, payload)
                for event, payload in ((orjson.loads(payload), payload) for payload in payloads)
                if event["event_id"] not in known
            }
            if lines:
                files.write(file, list(lines.values()))
        self._metrics.events_drained.inc(len(lines))
        return len(lines)

    def _line(self, event: Mapping[str, Any], payload: bytes) -> bytes:
        return orjson.dumps({**event, "user_id": None}) if event.get("user_id") in self._erasures else payload


def _read(lines: Sequence[bytes], path: Path) -> list[tuple[str, bytes, Mapping[str, Any]]]:
    """Return id, line and content of each spooled event, in the order of their times."""
    events = []
    for number, line in enumerate(lines, start=1):
        try:
            event = orjson.loads(line)
            events.append((event["event_id"], line, event))
        except (ValueError, KeyError, TypeError):
            _log.error("%s, line %d is no event; it is left out", path, number)
    return sorted(events, key=lambda entry: entry[2]["time"])
