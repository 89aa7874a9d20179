"""Files that are either there in full or not at all.

A file is written under a temporary name in its own folder, and renamed when it is complete and on the disk.
Its SHA-256 is computed on the way, so nothing is read twice however long the file is.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

READABLE = 0o644


class HashedFile:
    """A file being written, with the SHA-256 of what was written so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> None:
        """Append `content`."""
        self._file.write(content)
        self._sha256.update(content)
        self.size += len(content)

    @property
    def sha256(self) -> str:
        """Hex digest of everything written."""
        return self._sha256.hexdigest()


@contextmanager
def written_whole(path: Path) -> Iterator[HashedFile]:
    """Write `path` in one step: after an error or a crash the earlier file, if any, is still there.

    Raises
    ------
    OSError
        If the folder cannot be written to, or the disk is full.
    """
    with unfinished_beside(path) as unfinished, unfinished.open("wb") as file:
        yield HashedFile(file)


@contextmanager
def unfinished_beside(path: Path) -> Iterator[Path]:
    """Give an empty file in the folder of `path`, which takes its name after the block; after an error it is removed.

    Raises
    ------
    OSError
        If the folder cannot be written to, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".part", dir=path.parent)
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.chmod(READABLE)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def or_nothing(folder: Path, *, root: Path) -> Iterator[None]:
    """Take away what the block put into `folder` if it fails, and folders between it and `root` that are empty then."""
    there = set(folder.iterdir()) if folder.is_dir() else set()
    try:
        yield
    except BaseException:
        for path in set(folder.iterdir()) - there if folder.is_dir() else ():
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty, or never made
            while folder != root:
                folder.rmdir()
                folder = folder.parent
        raise


def left_unfinished(folder: Path) -> list[Path]:
    """Return what killed programs left of files they wrote in a folder; nobody may be writing in it now."""
    return sorted(folder.glob(".*.part*"))
