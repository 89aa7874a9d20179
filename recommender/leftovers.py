"""What killed programs left of what they wrote: found by its name, and taken away once it is nobody's.

A folder that is being filled is locked by who fills it. A disk may know no locks, and a file has none: so what was
changed lately is somebody's in any case.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recommender.file_locks import take_lock

UNFINISHED = ".unfinished-"
"""Begins the names of folders that a version is written in."""
SETTLED_SECONDS = 3600.0
"""Between two files of a version minutes pass at most."""


@contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """Make a folder below `root` that is locked during the block and deleted after it.

    Raises
    ------
    OSError
        If the disk is full or not writable.
    """
    with (
        tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=root, ignore_cleanup_errors=True) as name,
        _opened(Path(name)) as folder,
    ):
        take_lock(folder)
        yield Path(name)


def left_over(folder: Path, pattern: str, *, settled_seconds: float = SETTLED_SECONDS) -> list[Path]:
    """Return what matches a pattern in a folder, was not changed for so long, and is held by nobody."""
    return [path for path in sorted(folder.glob(pattern)) if _is_nobodys(path, time.time() - settled_seconds)]


def take_away(path: Path) -> None:
    """Delete a file or a folder; one that is gone meanwhile is no error.

    Raises
    ------
    OSError
        If it cannot be deleted.
    """
    with contextlib.suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _is_nobodys(path: Path, before: float) -> bool:
    try:
        last = max(inside.lstat().st_mtime for inside in (path, *path.rglob("*")))
        return last < before and not _is_held(path)
    except OSError:  # its owner took it away, or lets nobody look into it
        return False


def _is_held(path: Path) -> bool:
    if not path.is_dir() or path.is_symlink():
        return False
    try:
        with _opened(path) as folder:
            take_lock(folder, wait=False)
    except BlockingIOError:
        return True
    return False


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
