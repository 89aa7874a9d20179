"""Following a file of records while the server runs.

What is wrong with the file changes nothing about what was known before, and is logged once, not at each look. Records
are never removed from these files, not even when they are revoked: a file that has lost them all is damaged too.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from recommender.errors import ConfigError
from serving.access.private_file import Stamp

Record = TypeVar("Record")
RecordOut_co = TypeVar("RecordOut_co", covariant=True)

_log = logging.getLogger(__name__)


class Source(Protocol[RecordOut_co]):
    """Where the records are kept."""

    path: Path

    def stamp(self) -> Stamp | None:
        """Return the file's stamp; None if there is no file."""

    def read(self) -> tuple[RecordOut_co, ...]:
        """Return every record; none if there is no file."""


class Watch(Generic[Record]):
    """Looks at one file again and again."""

    def __init__(self, source: Source[Record], *, unknown: str) -> None:
        """Remember the file, and what it means that nothing is known yet (for the log)."""
        self._source = source
        self._unknown = unknown
        self._seen: Stamp | None = None
        self._looked = False
        self._any_known = False

    def news(self) -> tuple[Record, ...] | None:
        """Return the records if the file changed since the last look, else None. Never raises."""
        try:
            stamp = self._source.stamp()
            if self._looked and stamp == self._seen:
                return None
            records = self._source.read()
        except (ConfigError, OSError) as error:
            self._complain(str(error), self._stamp())
            return None
        if self._any_known and not records:
            what = "has gone" if stamp is None else "is empty, not even what was revoked is in it"
            self._complain(f"{self._source.path} {what}", stamp)
            return None
        self._looked, self._seen, self._any_known = True, stamp, bool(records)
        return records

    def _complain(self, what: str, stamp: Stamp | None) -> None:
        if not self._looked or stamp != self._seen:
            _log.error("%s; %s", what, "those known before go on" if self._any_known else self._unknown)
        self._looked, self._seen = True, stamp

    def _stamp(self) -> Stamp | None:
        try:
            return self._source.stamp()
        except OSError:
            return None
