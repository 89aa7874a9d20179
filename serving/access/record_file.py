"""Records in one private file of the data folder: read as a whole, followed by a server, changed under a lock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from serving.access.private_file import PrivateFile, Stamp

Record = TypeVar("Record", bound=BaseModel)


class RecordFile(Generic[Record]):
    """Keeps records of one kind.

    Parameters
    ----------
    path
        Where.
    content
        The whole file: a model one field of which are the records.
    field
        That field.
    remedy
        What to do once the file is damaged.
    """

    def __init__(self, path: Path, content: type[BaseModel], *, field: str, remedy: str) -> None:
        self.path = path
        self._content = content
        self._field = field
        self._file = PrivateFile(path, remedy=remedy)

    def stamp(self) -> Stamp | None:
        """Return the file's stamp; None if there is no file.

        Raises
        ------
        OSError
            If the folder cannot be looked into.
        """
        return self._file.stamp()

    def read(self) -> tuple[Record, ...]:
        """Return every record, revoked ones included; none if there is no file.

        Raises
        ------
        ConfigError
            If the file cannot be read, or is not what this program wrote.
        """
        content = self._file.parsed(self._content)
        return () if content is None else getattr(content, self._field)

    def change(self, edit: Callable[[tuple[Record, ...]], tuple[Record, ...]]) -> None:
        """Write what `edit` makes of the records, while nobody else does.

        Raises
        ------
        ConfigError
            If the file is damaged: it is left as it is.
        OSError
            If it cannot be written.
        """
        with self._file.locked():
            self._file.replace(self._content(**{self._field: edit(self.read())}))

    def change_one(self, choose: Callable[[tuple[Record, ...]], Record], edit: Callable[[Record], Record]) -> Record:
        """Write what `edit` makes of the record that `choose` chooses, and return it; raises as `change`."""
        changed: list[Record] = []

        def replaced(records: tuple[Record, ...]) -> tuple[Record, ...]:
            chosen = choose(records)
            changed.append(edit(chosen))
            return tuple(changed[0] if record is chosen else record for record in records)

        self.change(replaced)
        return changed[0]
