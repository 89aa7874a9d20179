"""The record of one send: who was chosen, and what each of them got.

An SQLite file, written whole and then only read, except that a person can be taken out of it::

    meta         one row per fact of the send, as text
    items        what the items looked like when the send was made, each once
    recipients   one row per person: a number from 0 on, the key of their links, and their picks as 13 bytes each
    suppressed   who was left out, and why

A pick is the number of its item, source × 16 + reason, the number of the item its reason rests on and the day it is
due, little-endian. Titles and prices are not repeated for everybody, so a million recipients take a few hundred bytes
each. What is deleted is overwritten (`secure_delete`), and the file is rebuilt without it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

from recommender.candidates import NO_ANCHOR, ReasonCode, Source
from recommender.errors import InvalidInput
from recommender.experiments.allocation import Assigned
from recommender.loyalty.rfm import Segment

SNAPSHOT_FILE = "snapshot.sqlite"
SCHEMA = 2
"""What is written; records of schema 1 lack what is expected of people, and are read without it."""
NO_DAY = -(1 << 31)
"""In the place of a day that nothing is known of."""
PICK = struct.Struct("<iBii")
BUSY_SECONDS = 10.0
"""How long to wait while somebody is taken out."""
BATCH = 4096
"""Rows read at a time."""
VARIABLES = 500
"""Users asked for by one statement."""

_EPOCH = date(1970, 1, 1)
_TOLD = frozenset({"campaign", "send_id", "currency", "slots", "as_of"})
"""Facts that readers expect."""

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE items (
    number INTEGER PRIMARY KEY, item_id TEXT NOT NULL, title TEXT NOT NULL, url TEXT NOT NULL, image_url TEXT NOT NULL,
    category TEXT NOT NULL, brand TEXT NOT NULL, price REAL
);
CREATE TABLE recipients (
    number INTEGER PRIMARY KEY, user_id TEXT NOT NULL, segment INTEGER NOT NULL, recency_days INTEGER,
    frequency INTEGER NOT NULL, monetary REAL NOT NULL, alive REAL, next_order INTEGER, next_order_from INTEGER,
    next_order_until INTEGER, tier TEXT NOT NULL, grouped TEXT, personal INTEGER NOT NULL, picks BLOB NOT NULL
);
CREATE TABLE suppressed (user_id TEXT NOT NULL, reason TEXT NOT NULL);
"""
INDEXES = """
CREATE UNIQUE INDEX recipients_by_user ON recipients (user_id);
CREATE INDEX suppressed_by_user ON suppressed (user_id);
"""
_EXPECTED = {
    "1": "NULL, next_order, NULL, NULL",
    str(SCHEMA): "alive, next_order, next_order_from, next_order_until",
}
"""What is known of somebody's future, by schema."""


class RecipientRow(NamedTuple):
    """A row of the table of recipients; `Sent` is the same for readers."""

    number: int
    user_id: str
    segment: int
    recency_days: int | None
    frequency: int
    monetary: float
    alive: float | None
    next_order: int | None
    """Days since 1970, as the two below."""
    next_order_from: int | None
    next_order_until: int | None
    tier: str
    grouped: str | None
    """Experiment and group, with a slash between them."""
    personal: bool
    picks: bytes
    """`PICK` after `PICK`."""


@dataclass(frozen=True, slots=True)
class SentItem:
    """An item as it was when the send was made."""

    item_id: str
    title: str
    url: str
    image_url: str
    category: str
    brand: str
    price: float | None
    """In the shop's currency."""


@dataclass(frozen=True, slots=True)
class SentPick:
    """One offer."""

    item: SentItem
    source: Source
    reason: ReasonCode
    rests_on: SentItem | None
    """The item that the reason rests on."""
    due_on: date | None
    """For buy-again: the day the person is expected to need it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One recipient of one send."""

    number: int
    """Ordinal within the send, from 0: what links carry."""
    user_id: str
    slate_id: str
    """Names what was shown; a click that carries it can be traced to this mail."""
    segment: Segment
    recency_days: int | None
    """Whole days since the last order; None before the first."""
    frequency: int
    """Orders."""
    monetary: float
    """Money spent, in the shop's currency."""
    alive: float | None
    """Probability of still being a customer; None where nothing can be said, as the three below."""
    next_order: date | None
    """The day the next order is expected."""
    next_order_from: date | None
    """One in ten of those who come back does so before it."""
    next_order_until: date | None
    """One in ten of those who come back does so after it."""
    coupon_tier: str
    """Empty for none."""
    group: Assigned | None
    """Their group of an experiment."""
    is_personal: bool
    """False for who gets what a stranger would get."""
    picks: tuple[SentPick, ...]
    """By slot."""

    @property
    def items(self) -> tuple[str, ...]:
        """Item ids by slot."""
        return tuple(pick.item.item_id for pick in self.picks)


class Snapshot:
    """Reads one send, for one thread at a time; opening takes a millisecond.

    Raises
    ------
    InvalidInput
        If the file is missing, damaged or of another release; damage may show only when a row is read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, check_same_thread=False
            )
            self.meta: Mapping[str, str] = dict(self._db.execute("SELECT name, value FROM meta"))
        except (sqlite3.Error, ValueError) as error:  # what SQLite quotes of a damaged page may be no text
            raise _damaged(path, error) from error
        if self.meta.get("schema") not in _EXPECTED:
            self.close()
            read = " and ".join(_EXPECTED)
            raise InvalidInput(f"{path} is of schema {self.meta.get('schema')}, and this release reads {read}")
        if missing := sorted(_TOLD - self.meta.keys()):
            self.close()
            raise _damaged(path, f"it does not tell {', '.join(missing)}")
        expected = _EXPECTED[self.meta["schema"]]
        self._columns = (
            f"number, user_id, segment, recency_days, frequency, monetary, {expected}, tier, grouped, personal, picks"
        )
        self._items: dict[int, SentItem] = {}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file of a send."""
        return cls(path)

    @property
    def campaign(self) -> str:
        """The name of the campaign."""
        return self.meta["campaign"]

    @property
    def send_id(self) -> str:
        """The name of the send within its campaign."""
        return self.meta["send_id"]

    @property
    def currency(self) -> str:
        """ISO 4217 code of the prices."""
        return self.meta["currency"]

    @property
    def slots(self) -> int:
        """Picks at most."""
        return int(self.meta["slots"])

    @property
    def sent_at(self) -> str:
        """ISO 8601, UTC: the moment the send was made for."""
        return self.meta["as_of"]

    def recipient(self, number: int) -> Sent | None:
        """Return who has that number; None for nobody, or somebody who was erased."""
        return self._one("number = ?", number)

    def of_user(self, user_id: str) -> Sent | None:
        """Return what a user got; None if nothing."""
        return self._one("user_id = ?", user_id)

    def why_not(self, user_id: str) -> str | None:
        """Return why a user was left out; None if they were not, or were not meant."""
        with self._reading():
            row = self._db.execute("SELECT reason FROM suppressed WHERE user_id = ?", (user_id,)).fetchone()
        return None if row is None else str(row[0])

    def __len__(self) -> int:
        """Return the number of recipients."""
        with self._reading():
            return int(self._db.execute("SELECT count(*) FROM recipients").fetchone()[0])

    def __iter__(self) -> Iterator[Sent]:
        """Yield all recipients by number."""
        yield from map(self.sent, self.rows())

    def rows(self) -> Iterator[RecipientRow]:
        """Yield the bare rows of the recipients by number."""
        found = f"SELECT {self._columns} FROM recipients ORDER BY number"  # noqa: S608
        yield from map(RecipientRow._make, self._asked(found))

    def suppressed(self) -> Iterator[tuple[str, str]]:
        """Yield who was left out with the reason, in the order of the audience."""
        yield from self._asked("SELECT user_id, reason FROM suppressed ORDER BY rowid")

    def sent(self, row: RecipientRow) -> Sent:
        """Return a row with everything it stands for."""
        with self._reading():
            return Sent(
                number=row.number,
                user_id=row.user_id,
                slate_id=slate_id_of(self.campaign, self.send_id, row.number),
                segment=Segment(row.segment),
                recency_days=row.recency_days,
                frequency=row.frequency,
                monetary=row.monetary,
                alive=row.alive,
                next_order=known_day(row.next_order),
                next_order_from=known_day(row.next_order_from),
                next_order_until=known_day(row.next_order_until),
                coupon_tier=row.tier,
                group=None if row.grouped is None else Assigned(*row.grouped.split("/", 1)),
                is_personal=bool(row.personal),
                picks=tuple(self.pick(*pick) for pick in PICK.iter_unpack(row.picks)),
            )

    def pick(self, item: int, kind: int, anchor: int, day: int) -> SentPick:
        """Return a pick with everything it stands for."""
        return SentPick(
            item=self.item(item),
            source=Source(kind >> 4),
            reason=ReasonCode(kind & 15),
            rests_on=None if anchor == NO_ANCHOR else self.item(anchor),
            due_on=None if day == NO_DAY else day_of(day),
        )

    def users(self) -> Iterator[str]:
        """Yield the ids of all recipients."""
        yield from (user_id for (user_id,) in self._asked("SELECT user_id FROM recipients"))

    def items_of(self, users: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
        """Yield those of some users who got this send, with the numbers of their items."""
        for start in range(0, len(users), VARIABLES):
            some = users[start : start + VARIABLES]
            marks = ", ".join("?" * len(some))
            found = f"SELECT user_id, picks FROM recipients WHERE user_id IN ({marks})"  # noqa: S608  question marks
            for user_id, picks in list(self._asked(found, some)):
                with self._reading():
                    items = [item for item, *_ in PICK.iter_unpack(picks)]
                yield user_id, items

    def item_ids(self) -> Iterator[tuple[int, str]]:
        """Yield number and id of every item that picks speak of."""
        yield from list(self._asked("SELECT number, item_id FROM items"))

    def item(self, number: int) -> SentItem:
        """Return an item of the send by its number."""
        if (known := self._items.get(number)) is None:
            columns = "item_id, title, url, image_url, category, brand, price"
            row = next(self._asked(f"SELECT {columns} FROM items WHERE number = ?", (number,)), None)  # noqa: S608
            if row is None:
                raise InvalidInput(f"{self.path} names an item {number} that it does not describe")
            known = self._items[number] = SentItem(*row)
        return known

    def forget(self, user_id: str) -> bool:
        """Take a person out for good, and say whether they were there."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as db:
            db.execute("PRAGMA secure_delete = ON")
            with db:
                gone = sum(
                    db.execute(f"DELETE FROM {table} WHERE user_id = ?", (user_id,)).rowcount  # noqa: S608
                    for table in ("recipients", "suppressed")
                )
            if gone:
                db.execute("VACUUM")
        return gone > 0

    def damage(self) -> str:
        """Return what is wrong with the file, every page of which is read; empty if nothing.

        A damaged index does not find a person who is in the table, so `forget` would take nobody out and not know it.
        """
        try:
            (found,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.OperationalError:  # somebody writes to it
            raise
        except (sqlite3.DatabaseError, ValueError) as error:
            return str(error)
        return "" if found == "ok" else str(found)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _one(self, condition: str, value: int | str) -> Sent | None:
        row = next(self._asked(f"SELECT {self._columns} FROM recipients WHERE {condition}", (value,)), None)  # noqa: S608
        return None if row is None else self.sent(RecipientRow._make(row))

    def _asked(self, statement: str, values: Sequence[int | str] = ()) -> Iterator[Any]:
        """Yield the rows of a question."""
        with self._reading():
            cursor = self._db.execute(statement, values)
        while True:
            with self._reading():
                rows = cursor.fetchmany(BATCH)
            if not rows:
                return
            yield from rows

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Name the file in what damage causes: pages that are no table, texts that are none, unknown numbers."""
        try:
            yield
        except InvalidInput:
            raise
        except (sqlite3.Error, struct.error, ValueError, TypeError, OverflowError) as error:
            raise _damaged(self.path, error) from error


def _damaged(path: Path, why: object) -> InvalidInput:
    return InvalidInput(
        f"{path} is no record of a send that can be read: {why}; restore it from a backup, or move its folder out of "
        "the campaigns, where it is not found any more"
    )


def slate_id_of(campaign: str, send_id: str, number: int) -> str:
    """Return the name of what a recipient was shown.

    >>> slate_id_of("win-back", "20180101", 17)
    'win-back.20180101.17'
    """
    return f"{campaign}.{send_id}.{number}"


def known_day(day: int | None) -> date | None:
    """Return a day that is counted from 1970; None if it is not known."""
    return None if day is None else day_of(day)


def day_of(day: int) -> date:
    """Return a day that is counted from 1970."""
    return _EPOCH + timedelta(day)
