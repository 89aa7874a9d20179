"""A write that fails says where it was to go: the error of a full disk never names a file by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Run a block that writes below `folder`, and name the folder in an error that names nothing.

    Raises
    ------
    OSError
        What the block raised, with a file name.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror or str(error), str(folder)) from error
