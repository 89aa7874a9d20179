"""A file of the data folder that its owner alone may read, replaced as a whole, changed under a lock beside it.

So that two commands at once lose nothing, and a server that reads meanwhile finds the old content or the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from recommender.errors import ConfigError

MAX_BYTES = 10_000_000

Content = TypeVar("Content", bound=BaseModel)


class Stamp(NamedTuple):
    """By what a change of the file is noticed without reading it."""

    modified_ns: int
    changed_ns: int
    """Of its owner and mode too, so that a file made readable again is read again."""
    size: int
    inode: int


class PrivateFile:
    """One file."""

    def __init__(self, path: Path, *, remedy: str) -> None:
        """Remember where it is, and what to do once it is damaged."""
        self.path = path
        self._remedy = remedy

    def stamp(self) -> Stamp | None:
        """Return the file's stamp; None if there is no file.

        Raises
        ------
        OSError
            If the folder cannot be looked into.
        """
        try:
            status = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Stamp(status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)

    def parsed(self, model: type[Content]) -> Content | None:
        """Return what the file holds; None if there is none.

        Raises
        ------
        ConfigError
            If the file cannot be read, or is not what this program wrote.
        """
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ConfigError(
                f"{self.path} cannot be read ({error.strerror}); let the user that serves own it, with mode 0600"
            ) from error
        try:
            if len(content) > MAX_BYTES:
                raise ValueError("it is too long")
            return model.model_validate_json(content)
        except ValidationError as error:
            problem = _first(error)
        except ValueError as error:
            problem = str(error)
        raise ConfigError(f"{self.path} is damaged ({problem}); {self._remedy}")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from changing it for a while."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def replace(self, content: BaseModel) -> None:
        """Write the file anew."""
        # mkstemp makes files that nobody else may read.
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}-", suffix=".part", dir=self.path.parent)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.model_dump_json(indent=2, exclude_none=True).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        finally:
            unfinished.unlink(missing_ok=True)


def _first(error: ValidationError) -> str:
    """Say what is wrong first, without what the file holds there."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
