"""One at a time: whoever makes or exports sends of a data folder, or takes people out of them, holds its lock.

So who is forgotten during an export is in its files and found there, or in none. What lies unfinished while the lock is
ours was left by an export that was killed: nobody will ever finish it, and it holds people, so it is deleted.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from recommender.errors import InvalidInput
from serving.campaigns.sends import SENDS

LOCK_FILE = ".lock"
WAIT_SECONDS = 600.0
"""A million recipients are written in less."""
ASK_SECONDS = 0.1

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS})
"""What a network disk says that knows no locks: then nobody can be asked to wait."""


@contextlib.contextmanager
def alone(
    folder: Path, *, wait_seconds: float = WAIT_SECONDS, on_wait: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold the lock of a folder of campaigns; `on_wait` is called once if somebody else has it.

    Raises
    ------
    InvalidInput
        If they still have it after `wait_seconds`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, deadline, told = folder / LOCK_FILE, time.monotonic() + wait_seconds, False
    with path.open("w") as file:
        while not _taken(file.fileno()):
            if time.monotonic() > deadline:
                raise InvalidInput(
                    f"{path} was held for {wait_seconds:g} seconds: another export or `regulars forget` is at work; "
                    "run this again when it has ended"
                )
            if not told:
                on_wait()
                told = True
            time.sleep(ASK_SECONDS)
        yield


def left_unfinished(folder: Path) -> list[Path]:
    """Return what killed exports left below a folder of campaigns whose lock is ours."""
    return sorted(folder.glob(f"*/{SENDS}/*/.*.part*"))


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True
