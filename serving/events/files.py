"""Event files: JSON Lines that serving writes and training reads.

::

    events/
        events-2026-11-22.jsonl            what the drain moved out of the stream, each event once
        spool-<process>-<id>.jsonl         what a process accepted lately; deleted once it is in an event file
        spool-…-taken.jsonl                the same while the drain is at it: nobody adds to it any more

Beside events there are lines of merges, ``{"event": "merge", "anonymous_id", "user_id", "time", …}``: from then on, and
for what came before, the guest is that user.

A batch is on disk when `append` returns (one write, then fsync), or it is not in the file at all. A line torn by a
crash was never confirmed to anyone, so the next writer of the file cuts it off. Whoever writes a file or takes it
away holds its lock (`flock`): a process that was stopped in the middle finds, when it goes on, what others did.
"""

from __future__ import annotations

import contextlib
import io
import os
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import orjson

from recommender.file_locks import take_lock

TAIL_BYTES = 8 * 2**20
"""How much of a file's end is searched for ids: some thirty thousand events, many times what a drain moves at once."""
TAIL_FILES = 2
"""The newest files that are searched: around midnight the last batch is in yesterday's."""
MAX_IDS = 50_000
"""Ids kept in memory, oldest forgotten first."""

LAST_BYTES = 2**16
"""How much of a file's end is searched for the latest time: some two hundred events, which hardly come out of order."""

MERGE = "merge"
"""What a line that joins a guest to a user says in the place of an event."""

EVENTS = "events-*.jsonl"
SPOOLS = "spool-*.jsonl"
TAKEN = "-taken"


def append(path: Path, lines: Sequence[bytes]) -> None:
    """Add lines to a file and wait until they are on disk.

    Raises
    ------
    OSError
        If the disk is full or not writable; none of the lines is in the file then.
    """
    with opened(path) as file:
        write(file, lines)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[io.FileIO]:
    """Open a file to write at its end, alone, without what a crash left of a line.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with _locked(path) as file:
        if is_new:
            _sync_folder(path.parent)
        _cut_torn_line(file.fileno(), file.seek(0, os.SEEK_END))
        yield file


def write(file: io.FileIO, lines: Sequence[bytes]) -> None:
    """Add lines to an opened file and wait until they are on disk.

    Raises
    ------
    OSError
        If the disk is full or not writable; none of the lines is in the file then.
    """
    start, content = file.seek(0, os.SEEK_END), memoryview(b"".join(line + b"\n" for line in lines))
    try:
        while content:
            content = content[file.write(content) :]
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), start)
        raise


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace each complete line of a file by what `change` makes of it, all at once or none.

    Whoever waits to add to the file meanwhile finds the new one, so nothing is lost.

    Raises
    ------
    OSError
        If the disk is full or not writable; the file is as it was.
    """
    unfinished = path.with_name(f".{path.name}.tmp")
    with _locked(path) as file:
        _cut_torn_line(file.fileno(), file.seek(0, os.SEEK_END))
        with path.open("rb") as lines, unfinished.open("wb") as copy:
            for line in lines:
                copy.write(change(line.rstrip(b"\n")) + b"\n")
            copy.flush()
            os.fsync(copy.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)


def take_spools(folder: Path) -> list[Path]:
    """Return the spool files, each renamed so that nobody adds to it any more; those of an earlier try come first."""
    waiting = sorted(folder.glob(SPOOLS), key=lambda path: (TAKEN not in path.name, path.name))
    return [path if TAKEN in path.name else _taken(path) for path in waiting]


def lines_of(path: Path) -> list[bytes]:
    """Return the complete lines of a file; none if it is not there any more."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return content[: content.rfind(b"\n") + 1].splitlines()


def delete(path: Path) -> None:
    """Delete a file for good."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def last_time(folder: Path) -> np.datetime64 | None:
    """Return the time of the last event kept, to the second; None without any that can be read."""
    paths = [*sorted(folder.glob(EVENTS))[-TAIL_FILES:], *folder.glob(SPOOLS)]
    times = [time for path in paths for time in _times(_tail(path))]
    return max(times, default=None)


class RecentIds:
    """The ids of the events that were written last, by any process: a drain that died before dropping finds them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_to: dict[Path, int] = {}
        self._ids: dict[str, None] = {}

    def refresh(self) -> Collection[str]:
        """Return the latest ids, among them all that were added since the last call, however many."""
        while len(self._ids) > MAX_IDS:
            del self._ids[next(iter(self._ids))]
        for path in sorted(self._folder.glob(EVENTS))[-TAIL_FILES:]:
            size = path.stat().st_size
            start = self._read_to.get(path, max(0, size - TAIL_BYTES))
            if size > start:
                self._read_to[path] = self._read(path, start, size)
        return self._ids

    def _read(self, path: Path, start: int, size: int) -> int:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read(size - start)
        complete = content.rfind(b"\n") + 1
        self._ids.update(dict.fromkeys(_ids(content[:complete].splitlines())))
        return start + complete


def _ids(lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        try:
            yield orjson.loads(line)["event_id"]
        except (ValueError, KeyError, TypeError):
            continue


def _tail(path: Path) -> list[bytes]:
    """Return the last lines of a file, of which the first may begin in the middle; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LAST_BYTES))
            content = file.read()
    except OSError:
        return []
    return content[: content.rfind(b"\n") + 1].splitlines()


def _times(lines: Iterable[bytes]) -> Iterator[np.datetime64]:
    for line in lines:
        try:
            yield np.datetime64(orjson.loads(line)["time"].rstrip("Z"), "s")
        except (ValueError, KeyError, TypeError, AttributeError):
            continue


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[io.FileIO]:
    """Open and lock what is called `path` once the lock is ours: it may have been taken away while we waited."""
    while True:
        with io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644), "rb+") as file:
            _lock(file)
            if _is(path, file):
                yield file
                return


def _lock(file: io.FileIO) -> None:
    """Wait for the lock; on a network disk that knows none, the lease of the stream is all there is."""
    take_lock(file)


def _is(path: Path, file: io.FileIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _taken(path: Path) -> Path:
    target = path.with_name(f"{path.stem}-{uuid.uuid4().hex[:8]}{TAKEN}{path.suffix}")
    with _locked(path):
        path.rename(target)
    return target


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
