"""One export at a time in a data folder.

Two sends that are made at once do not see each other, and both would mail somebody whom the cap allows one mail; two
exports of one send would write the same files and the same manifest. So whoever makes or writes a send holds a lock
file meanwhile. It is let go of when its process ends, however that ends, and the empty file stays. On a network disk
that knows no locks exports work, too, and say that nobody keeps them apart.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from recommender.file_locks import take_lock

LOCK_FILE = ".lock"
WITHOUT = "%s lies on a disk that knows no locks: see to it that one export or `regulars forget` runs at a time"

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def alone(folder: Path, *, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a folder of campaigns, after those who hold it; `on_wait` is called if there is somebody.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            has_locks = take_lock(handle, wait=False)
        except BlockingIOError:
            on_wait()
            has_locks = take_lock(handle)
        if not has_locks:
            _log.warning(WITHOUT, folder / LOCK_FILE)
        yield
    finally:
        os.close(handle)
