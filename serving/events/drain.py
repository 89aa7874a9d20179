"""Moving accepted events out of the stream into event files, each exactly once.

Every process runs a drain, and the one that holds the lease works. A batch is written and synced, and only then
dropped from the stream; after a crash in between, its ids are found in the file and the batch is dropped unwritten.

What was accepted is in spool files, too, whatever Redis keeps. Once the stream has run dry, a spool whose events are
all in event files is deleted. What is missing there (Redis was away, or came back without it) goes through the stream,
since it alone knows which events were seen before: a storefront may have sent an event to one process, and again to
another. The spool is looked at again afterwards, so a crash in between repeats what is recognised.
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
from serving.visitors import visitor

BATCH = 1000
LEASE_SECONDS = 10.0
"""Longer than a batch takes; a drain that stalls for longer finds in the file what another wrote meanwhile. A holder
that died delays files for so long, and no slate."""

FINISH_TRIES, FINISH_PAUSE_SECONDS = 10, 0.1
"""How often a process that ends asks for the lease."""

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
        self._looked_at: set[Path] = set()
        """Spools of which something was missing in the files, before the stream ran dry once more."""

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
        spools: list[Path] | None = None
        while await self._stream.lease(self._owner, seconds=LEASE_SECONDS):
            entries = await self._stream.read(BATCH)
            self._metrics.events_waiting.set(await self._stream.length())
            if entries:
                written += await anyio.to_thread.run_sync(self._write, [payload for _, payload in entries])
                if not await self._stream.drop([entry for entry, _ in entries], owner=self._owner):
                    break
                continue
            if spools is None:
                spools = await self._take_spools()
            spools = [path for path in spools if not await self._is_in_files(path)]
            if not spools:
                break
        return written

    async def finish(self) -> None:
        """Move what waits a last time and let another process take over; never raises."""
        try:
            for _ in range(FINISH_TRIES):
                if await self._stream.lease(self._owner, seconds=LEASE_SECONDS):
                    await self.run_once()
                    await self._stream.release(self._owner)
                    break
                # Others that end at the same time take their turn.
                await anyio.sleep(FINISH_PAUSE_SECONDS)
        except (StoreUnavailable, OSError) as error:
            _log.warning("events stay where they are for the next start: %s", error)

    async def _take_spools(self) -> list[Path]:
        if not any(self._folder.glob(files.SPOOLS)):
            return []
        return await anyio.to_thread.run_sync(files.take_spools, self._folder)

    async def _is_in_files(self, path: Path) -> bool:
        """Delete a spool whose events are all in event files, and say so; else give the stream what is missing.

        What is missing and not new to the stream is either in it, and the next look finds it in a file; or it was
        written so long ago that its id is not known here any more.
        """
        events = _read(await anyio.to_thread.run_sync(files.lines_of, path), path)
        known = await anyio.to_thread.run_sync(self._recent.refresh)
        missing = [event for event in events if event[0] not in known]
        n_new = 0
        for start in range(0, len(missing), BATCH):
            n_new += await self._take_in(missing[start : start + BATCH])
            await self._stream.lease(self._owner, seconds=LEASE_SECONDS)
        if missing and (n_new or path not in self._looked_at):
            self._looked_at.add(path)
            return False
        await anyio.to_thread.run_sync(files.delete, path)
        self._looked_at.discard(path)
        return True

    async def _take_in(self, events: Sequence[tuple[str, bytes, Mapping[str, Any]]]) -> int:
        """Give spooled events to the stream, and to slates what the stream did not know; return how many those are."""
        is_new = await self._stream.append([(event_id, line) for event_id, line, _ in events])
        by_visitor: dict[str, list[bytes]] = {}
        for (_, _, event), new in zip(events, is_new, strict=True):
            if not new or event.get("user_id") in self._erasures:
                continue
            if event["event"] == files.MERGE:
                await self._slates.merge(event["anonymous_id"], event["user_id"])
                continue
            name = visitor(event.get("user_id"), event.get("anonymous_id"))
            if name is not None and (payload := fresh.of_line(event)) is not None:
                by_visitor.setdefault(name, []).append(payload)
        await self._slates.remember(by_visitor, again=True)
        return sum(is_new)

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
        if event.get("user_id") not in self._erasures:
            return payload
        return orjson.dumps({name: said for name, said in event.items() if name not in ("user_id", "anonymous_id")})


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
