"""The secret that cookies and forms of the demo shop are signed with: a file in the data folder, for all workers.

Made by the first process that needs it, readable by its owner alone. It protects make-believe carts, so a data folder
that cannot be written to is no reason to refuse: then each process has a secret of its own, for as long as it lives.
"""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

FILE = "shop-secret"
SIZE = 32

_log = logging.getLogger(__name__)


def shop_secret(data_dir: Path) -> bytes:
    """Return the secret, made now if there is none."""
    path = data_dir / FILE
    try:
        return _read(path) or _made(path)
    except OSError as error:
        _log.warning(
            "%s cannot be kept (%s): visitors of the demo shop are forgotten at a restart", path, error.strerror
        )
        return secrets.token_bytes(SIZE)


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return content if len(content) == SIZE else None


def _made(path: Path) -> bytes:
    """Write a secret as a whole; of several processes that do so at once, the first one's is everybody's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ours = path.with_name(f"{FILE}-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(ours, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
        try:
            os.link(ours, path)
        except FileExistsError:
            if _read(path) is None:  # damaged, and of no use to anybody
                ours.replace(path)
        return _read(path) or b""
    finally:
        ours.unlink(missing_ok=True)
