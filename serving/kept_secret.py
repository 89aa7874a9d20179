"""A secret that cookies are signed with: a file in the data folder, for all workers of one shop.

Made by the first process that needs it, readable by its owner alone. Where it cannot be kept, each process has a secret
of its own, for as long as it lives. A file that others may read is replaced, because whoever has read it could sign as
we do.
"""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

SIZE = 32

_OTHERS = 0o077

_log = logging.getLogger(__name__)


def kept_secret(path: Path, *, otherwise: str) -> bytes:
    """Return the secret in a file, made now if there is none; `otherwise` says what follows if it cannot be kept."""
    try:
        return _read(path) or _made(path)
    except OSError as error:
        _log.warning("%s cannot be kept (%s): %s", path, error.strerror, otherwise)
        return secrets.token_bytes(SIZE)


def _read(path: Path) -> bytes | None:
    """Return the secret; None if there is none, or none that can be trusted."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(SIZE + 1)
        is_private = not os.fstat(descriptor).st_mode & _OTHERS
    return content if is_private and len(content) == SIZE else None


def _made(path: Path) -> bytes:
    """Write a secret as a whole; of several processes that do so at once, the first one's is everybody's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ours = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    content = secrets.token_bytes(SIZE)
    descriptor = os.open(ours, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        try:
            os.link(ours, path)
        except FileExistsError:
            if (theirs := _read(path)) is not None:
                return theirs
            ours.replace(path)
        return content
    finally:
        ours.unlink(missing_ok=True)
