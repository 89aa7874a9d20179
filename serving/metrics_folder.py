"""The folder in which the workers of one server keep their figures, and those that killed servers left behind.

Its owner holds a lock on it, which ends with the process however that ends: process ids are no proof, since they are
given out again, and differ between containers that share a folder for temporary files.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "regulars-metrics-"
_SETTLED_SECONDS = 60
"""A folder is locked just after it was made; a younger one is left alone."""


@contextlib.contextmanager
def metrics_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder that is deleted behind the block, and delete what nobody owns any more beside it."""
    at = Path(tempfile.gettempdir()) if parent is None else parent
    _sweep(at)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=at) as made, _opened(Path(made)) as folder:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield Path(made)


def _sweep(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*-*"):
        with contextlib.suppress(OSError), _opened(path) as folder:
            status = os.fstat(folder)
            if status.st_uid == os.getuid() and time.time() - status.st_mtime > _SETTLED_SECONDS:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
