"""A folder for one fault, gone afterwards."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """Yield an empty folder with a short path: a unix socket's may have a hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
