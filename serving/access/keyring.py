"""The file that holds what is known of every key: ``keys.json`` in the data folder.

It is replaced as a whole and readable by its owner alone. Whoever changes it holds a lock beside it, so that two
commands at once lose nothing. Revoked keys stay in it: they are the record that keys were asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from serving.access.keys import ApiKey
from serving.access.private_file import PrivateFile, Stamp

FILE = "keys.json"


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
        self._file = PrivateFile(self.path, remedy="restore it from a backup, or move it away and make new keys")

    def stamp(self) -> Stamp | None:
        """Return the file's stamp; None if there is no file.

        Raises
        ------
        OSError
            If the folder cannot be looked into.
        """
        return self._file.stamp()

    def read(self) -> tuple[ApiKey, ...]:
        """Return every key, those that open nothing any more included; none if there is no file.

        Raises
        ------
        ConfigError
            If the file cannot be read, or is not what this program wrote.
        """
        content = self._file.parsed(_Content)
        return () if content is None else content.keys

    def change(self, edit: Callable[[tuple[ApiKey, ...]], tuple[ApiKey, ...]]) -> None:
        """Write what `edit` makes of the keys, while nobody else does.

        Raises
        ------
        ConfigError
            If the file is damaged: it is left as it is.
        OSError
            If it cannot be written.
        """
        with self._file.locked():
            self._file.replace(_Content(keys=edit(self.read())))
