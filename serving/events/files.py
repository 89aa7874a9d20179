"""Event files: JSON Lines that serving writes and training reads.

A batch is on disk when `append` returns (one write, then fsync). A line torn by a crash was never confirmed to
anyone, so the next writer of the file cuts it off.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import orjson

TAIL_BYTES = 8 * 2**20
"""How much of a file's end is searched for ids: some thirty thousand events, many times what a drain moves at once."""
MAX_IDS = 200_000
"""Ids kept in memory, oldest forgotten first."""


def append(path: Path, lines: Sequence[bytes]) -> None:
    """Add lines to a file and wait until they are on disk.

    Raises
    ------
    OSError
        If the disk is full or not writable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("ab+") as file:
        _cut_torn_line(file.fileno(), file.seek(0, os.SEEK_END))
        file.write(b"".join(line + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _sync_folder(path.parent)


class RecentIds:
    """The ids of the events that were written last, in any file of a folder, by any process.

    A drain that was killed between writing and dropping finds its own lines here, and so does an event that was
    written to a file because Redis had taken it but did not say so in time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_to: dict[Path, int] = {}
        self._ids: dict[str, None] = {}

    def refresh(self) -> Collection[str]:
        """Read what was added since the last call, and return the latest ids."""
        for path in sorted(self._folder.glob("*.jsonl")):
            size = path.stat().st_size
            start = self._read_to.get(path, max(0, size - TAIL_BYTES))
            if size > start:
                self._read_to[path] = self._read(path, start, size)
        while len(self._ids) > MAX_IDS:
            del self._ids[next(iter(self._ids))]
        return self._ids

    def _read(self, path: Path, start: int, size: int) -> int:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read(size - start)
        complete = content.rfind(b"\n") + 1
        self._ids.update(dict.fromkeys(_ids(content[:complete].splitlines())))
        return start + complete


def _ids(lines: Iterable[bytes]) -> Iterable[str]:
    for line in lines:
        try:
            yield orjson.loads(line)["event_id"]
        except (ValueError, KeyError, TypeError):
            continue


def _cut_torn_line(descriptor: int, size: int) -> None:
    end = size
    while end > 0:
        start = max(0, end - 4096)
        chunk = os.pread(descriptor, end - start, start)
        newline = chunk.rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
