"""A process's spool: events on disk before their senders are told that they are accepted.

To wait for a disk takes milliseconds, whatever the number of lines; so batches that arrive while it is busy are written
together, with one sync for all of them. An event whose id was written here before is not written again.

What is in a spool and in no event file when its process or Redis dies, the next drain finds (`serving.events.drain`).
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread

from serving.events import files

MAX_IDS = 20_000
"""Ids a process remembers, to recognise repeated requests."""

Entries = Sequence[tuple[str, bytes]]
"""Event ids with their lines."""


class _Waiting(NamedTuple):
    """A batch whose sender waits."""

    entries: Entries
    told: asyncio.Future[list[bool]]


class Journal:
    """Writes to a file of its own in `folder`, which the drain may take away at any time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"spool-{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl"
        self._known: dict[str, None] = {}
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, entries: Entries) -> list[bool]:
        """Return, once they are on disk, which of the events this process wrote for the first time.

        Raises
        ------
        OSError
            If the disk is full or not writable; none of them is on it then.
        """
        told: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(entries, told))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await told

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batches, self._waiting = self._waiting, []
                await self._write(batches)
        finally:
            self._writing = None

    async def _write(self, batches: Sequence[_Waiting]) -> None:
        lines: dict[str, bytes] = {}
        answers = []
        for entries, _ in batches:
            is_new = []
            for event_id, line in entries:
                is_new.append(event_id not in self._known and event_id not in lines)
                lines.setdefault(event_id, line) if is_new[-1] else None
            answers.append(is_new)
        try:
            if lines:
                await anyio.to_thread.run_sync(files.append, self._path, list(lines.values()))
        except Exception as error:  # noqa: BLE001  whatever it is, those who wait must hear of it
            _tell(batches, error)
            return
        self._remember(lines)
        for (_, told), is_new in zip(batches, answers, strict=True):
            if not told.done():
                told.set_result(is_new)

    def _remember(self, ids: dict[str, bytes]) -> None:
        self._known |= dict.fromkeys(ids)
        while len(self._known) > MAX_IDS:
            del self._known[next(iter(self._known))]


def _tell(batches: Sequence[_Waiting], error: Exception) -> None:
    for _, told in batches:
        if not told.done():
            told.set_exception(error)
