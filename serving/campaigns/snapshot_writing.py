"""Writes the record of a send, whole or not at all.

The database grows under a temporary name without a journal, for nobody reads it yet; indexes come last, the disk is
waited for once, and then it gets its name.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from serving.campaigns.files import unfinished_beside
from serving.campaigns.snapshot import INDEXES, SCHEMA, TABLES, RecipientRow, SentItem

_FAST = ("journal_mode = OFF", "synchronous = OFF", "secure_delete = ON", "cache_size = -32768")


class SnapshotWriter:
    """Fills the tables of one send."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, rows: Iterable[RecipientRow]) -> None:
        """Write recipients; their numbers ascend."""
        marks = ", ".join("?" * len(RecipientRow._fields))
        self._db.executemany(f"INSERT INTO recipients VALUES ({marks})", rows)  # noqa: S608  question marks

    def suppress(self, rows: Iterable[tuple[str, str]]) -> None:
        """Write who is left out, and why."""
        self._db.executemany("INSERT INTO suppressed VALUES (?, ?)", rows)

    def describe(self, items: Iterable[tuple[int, SentItem]]) -> None:
        """Write the items that picks and their reasons speak of."""
        rows = (
            (number, item.item_id, item.title, item.url, item.image_url, item.category, item.brand, item.price)
            for number, item in items
        )
        self._db.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def tell(self, meta: Mapping[str, Any]) -> None:
        """Write facts of the send; campaign, send_id, as_of, currency and slots are expected by readers."""
        self._db.executemany("INSERT INTO meta VALUES (?, ?)", [(name, str(value)) for name, value in meta.items()])


@contextmanager
def written_snapshot(path: Path) -> Iterator[SnapshotWriter]:
    """Write the file of a send in one step: after an error or a crash there is none.

    Raises
    ------
    OSError
        If the folder cannot be written to, or the disk is full.
    """
    try:
        with (
            unfinished_beside(path) as unfinished,
            contextlib.closing(sqlite3.connect(unfinished, isolation_level=None)) as db,
        ):
            for pragma in _FAST:
                db.execute(f"PRAGMA {pragma}")
            db.executescript(TABLES)
            db.execute("BEGIN")
            writer = SnapshotWriter(db)
            writer.tell({"schema": SCHEMA})
            yield writer
            db.execute("COMMIT")
            db.executescript(INDEXES)
            db.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise OSError(f"{path} could not be written: {error}; is the disk full?") from error
