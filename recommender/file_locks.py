"""Locks of files and folders, which end with the process that holds them (`flock`).

Some network disks know no locks. There is nothing to wait for then, so whoever asks goes on without, and is told: what
the lock would have kept apart has to be kept apart by whoever starts programs.
"""

from __future__ import annotations

import errno
import fcntl
from typing import Protocol

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""How a disk says that it knows none."""


class Opened(Protocol):
    """Something open."""

    def fileno(self) -> int:
        """Return its descriptor."""
        ...


def take_lock(file: Opened | int, *, wait: bool = True) -> bool:
    """Take the lock of an open file or folder until it is closed; say whether there are locks at all.

    Raises
    ------
    BlockingIOError
        If somebody else holds it, and it is not to be waited for.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return False
    return True
