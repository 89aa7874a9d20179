"""The file that holds what is known of every key: ``keys.json`` in the data folder.

It is replaced as a whole and readable by its owner alone. Whoever changes it holds a lock beside it, so that two
commands at once lose nothing. Revoked keys stay in it: they are the record that keys were asked for.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from recommender.errors import ConfigError
from serving.access.keys import ApiKey

FILE = "keys.json"
MAX_BYTES = 10_000_000


class Stamp(NamedTuple):
    """By what a change of the file is noticed without reading it."""

    modified_ns: int
    changed_ns: int
    """Of its owner and mode too, so that a file made readable again is read again."""
    size: int
    inode: int


def _distinct(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
    if len({key.key_id for key in keys}) < len(keys) or len({key.sha256 for key in keys}) < len(keys):
        raise ValueError("two keys of this file are the same")
    return keys


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    format: Literal[1] = 1
    keys: Annotated[tuple[ApiKey, ...], AfterValidator(_distinct)]


class Keyring:
    """The keys of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / FILE

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

    def read(self) -> tuple[ApiKey, ...]:
        """Return every key, those that open nothing any more included; none if there is no file.

        Raises
        ------
        ConfigError
            If the file cannot be read, or is not what this program wrote.
        """
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise ConfigError(
                f"{self.path} cannot be read ({error.strerror}); let the user that serves own it, with mode 0600"
            ) from error
        return self._parsed(content)

    def change(self, edit: Callable[[tuple[ApiKey, ...]], tuple[ApiKey, ...]]) -> None:
        """Write what `edit` makes of the keys, while nobody else does.

        Raises
        ------
        ConfigError
            If the file is damaged: it is left as it is.
        OSError
            If it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            content = _Content(keys=edit(self.read()))
            self._replace(content.model_dump_json(indent=2, exclude_none=True).encode() + b"\n")

    def _parsed(self, content: bytes) -> tuple[ApiKey, ...]:
        try:
            if len(content) > MAX_BYTES:
                raise ValueError("it is too long")
            return _Content.model_validate_json(content).keys
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            problem = f"{where}: {first['msg']}" if where else first["msg"]
        except ValueError as error:
            problem = str(error)
        raise ConfigError(
            f"{self.path} is damaged ({problem}); restore it from a backup, or move it away and make new keys"
        )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self.path.with_name(f"{FILE}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _replace(self, content: bytes) -> None:
        # mkstemp makes files that nobody else may read.
        handle, name = tempfile.mkstemp(prefix=f".{FILE}-", suffix=".part", dir=self.path.parent)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
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
