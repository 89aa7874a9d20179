"""The event files as columns of numbers, read as they grow: what the console knows of traffic.

Files of the newest days are read first, in a thread, each byte once. What is kept of an event are some sixty bytes:
names become hashes that mean something in this process only. At most `MAX_EVENTS` of the latest days are kept; older
days are given up whole. Reading takes a pause after each piece, so that storefronts get their turn.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from recommender.events import Event

MAX_EVENTS = 500_000
"""With what is made of them, some 150 MB in a process whose console is used."""
PIECE_BYTES = 500_000
"""Read at once: about two thousand events, some ten milliseconds."""
PAUSE_SECONDS = 0.004
BUDGET_SECONDS = 3.0
"""How long one page reads on; the next one goes on from there."""
MAX_PLACEMENTS = 200
"""Names of placements; further ones are counted as `OTHERS`."""
MAX_NAME = 64
MAX_MERGES = 100_000
OTHERS = "(others)"
NONE = -1
MERGE = "merge"

GroupOf: TypeAlias = Callable[[str], int]
Hashes: TypeAlias = npt.NDArray[np.int64]

_EVENTS = {event.label: int(event) for event in Event}
_BOUGHT = frozenset({"purchase", "return"})
_MAX_RANK = 10_000
_TYPES: dict[str, Any] = {
    "event": np.int8,
    "time": np.int64,
    "visitor": np.int64,
    "item": np.int64,
    "slate": np.int64,
    "order": np.int64,
    "placement": np.int16,
    "rank": np.int16,
    "group": np.int16,
    "quantity": np.float32,
    "amount": np.float64,
}


@dataclass(slots=True)
class _File:
    """One day's file, as far as it was read."""

    path: Path
    inode: int
    read_to: int = 0
    pieces: list[dict[str, npt.NDArray[Any]]] = field(default_factory=list)
    n_events: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """All events that are kept, in no particular order."""

    values: dict[str, npt.NDArray[Any]]
    """Of one length, by name; hashes where events hold names, -1 for none."""
    placements: tuple[str, ...]
    """By code."""
    is_whole: bool
    """Whether everything that lies in the files is here."""
    n_given_up: int
    """Files that would have been too much."""
    n_unreadable: int

    def __len__(self) -> int:
        return len(self.values["event"])


class EventLog:
    """Reads and keeps. Used by one thread at a time.

    Parameters
    ----------
    folder
        Where the event files are.
    group_of
        The group of a user in the experiments, by number; -1 for none.
    is_erased
        Whether somebody asked to be forgotten: then their events are nobody's.
    """

    def __init__(
        self, folder: Path, *, group_of: GroupOf, is_erased: Callable[[str], bool], most: int = MAX_EVENTS
    ) -> None:
        self._folder = folder
        self._group_of = group_of
        self._is_erased = is_erased
        self._most = most
        self._files: dict[str, _File] = {}
        self._placements: dict[str, int] = {}
        self._merges: dict[int, int] = {}
        self._n_unreadable = 0

    def refresh(self, *, budget_seconds: float = BUDGET_SECONDS) -> Columns:
        """Read what was added, newest days first, and return everything that is kept."""
        deadline = time.monotonic() + budget_seconds
        is_whole, kept, given_up = True, 0, 0
        for path in sorted(self._folder.glob("events-*.jsonl"), reverse=True):
            if kept >= self._most:
                self._files.pop(path.name, None)
                given_up += 1
                continue
            file = self._file(path)
            is_whole &= file is not None and self._read(file, deadline)
            kept += 0 if file is None else file.n_events
        return self._columns(is_whole=is_whole, n_given_up=given_up)

    def _file(self, path: Path) -> _File | None:
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        file = self._files.get(path.name)
        if file is None or file.inode != status.st_ino or file.read_to > status.st_size:
            file = self._files[path.name] = _File(path, status.st_ino)
        return file

    def _read(self, file: _File, deadline: float) -> bool:
        """Read on in a file; say whether its end was reached."""
        with file.path.open("rb") as stream:
            stream.seek(file.read_to)
            while content := _complete_lines(stream):
                if time.monotonic() > deadline:
                    return False
                piece = self._parsed(content.splitlines())
                file.pieces.append(piece)
                file.n_events += len(piece["event"])
                file.read_to += len(content)
                time.sleep(PAUSE_SECONDS)
        return True

    def _parsed(self, lines: Sequence[bytes]) -> dict[str, npt.NDArray[Any]]:
        rows = [row for line in lines if (row := self._row(line)) is not None]
        columns = zip(*rows, strict=True) if rows else ((),) * len(_TYPES)
        return {name: np.array(column, kind) for (name, kind), column in zip(_TYPES.items(), columns, strict=True)}

    def _row(self, line: bytes) -> tuple[float, ...] | None:
        try:
            event = orjson.loads(line)
            kind = event["event"]
            if kind == MERGE:
                self._merge(event["anonymous_id"], event["user_id"])
                return None
            return self._values(event, kind)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            self._n_unreadable += 1
            return None

    def _values(self, event: dict[str, Any], kind: str) -> tuple[float, ...]:
        seconds = int(datetime.fromisoformat(event["time"]).timestamp())
        user, get = event.get("user_id"), event.get
        if user is not None and self._is_erased(user):
            user = None
        visitor = user or _prefixed("\x1f", get("anonymous_id")) or _prefixed("\x1f\x1f", get("session_id"))
        order = get("order_id")
        if order is None and visitor is not None and kind in _BOUGHT:
            order = f"\0{visitor}\0{seconds // 86_400}"
        quantity, price = float(get("quantity") or 1), get("price")
        return (
            _EVENTS[kind],
            seconds,
            _hash(visitor),
            _hash(get("item_id")),
            _hash(get("slate_id")),
            _hash(order),
            self._placement(get("placement")),
            min(max(int(get("rank") or get("position") or 0), 0), _MAX_RANK),
            NONE if user is None else self._group_of(user),
            quantity,
            math.nan if price is None else float(price) * quantity,
        )

    def _placement(self, name: str | None) -> int:
        if name is None:
            return NONE
        if len(self._placements) >= MAX_PLACEMENTS and name[:MAX_NAME] not in self._placements:
            name = OTHERS
        return self._placements.setdefault(name[:MAX_NAME], len(self._placements))

    def _merge(self, anonymous_id: str, user_id: str) -> None:
        if len(self._merges) < MAX_MERGES and not self._is_erased(user_id):
            self._merges[_hash(f"\x1f{anonymous_id}")] = _hash(user_id)

    def _columns(self, *, is_whole: bool, n_given_up: int) -> Columns:
        for file in self._files.values():
            if len(file.pieces) > 1:
                file.pieces = [_joined(file.pieces)]
        values = _joined([piece for file in self._files.values() for piece in file.pieces])
        if self._merges:
            values["visitor"] = _replaced(values["visitor"], self._merges)
        return Columns(values, tuple(self._placements), is_whole, n_given_up, self._n_unreadable)


def _complete_lines(stream: BinaryIO) -> bytes:
    """Return the next complete lines; a line that is still being written is left for later."""
    content = stream.read(PIECE_BYTES)
    end = content.rfind(b"\n") + 1
    if not end and content:
        rest = stream.readline()
        return content + rest if rest.endswith(b"\n") else b""
    stream.seek(end - len(content), 1)
    return content[:end]


def _prefixed(prefix: str, value: str | None) -> str | None:
    return None if value is None else prefix + value


def _hash(name: str | None) -> int:
    """Return what stands for a name in this process; never -1, which stands for none."""
    return NONE if name is None else hash(str(name))


def _joined(pieces: Sequence[dict[str, npt.NDArray[Any]]]) -> dict[str, npt.NDArray[Any]]:
    return {
        name: np.concatenate([piece[name] for piece in pieces]) if pieces else np.empty(0, kind)
        for name, kind in _TYPES.items()
    }


def _replaced(values: Hashes, by: dict[int, int]) -> Hashes:
    keys = np.fromiter(by, np.int64, len(by))
    order = np.argsort(keys)
    keys, targets = keys[order], np.fromiter(by.values(), np.int64, len(by))[order]
    at = np.minimum(keys.searchsorted(values), len(keys) - 1)
    replaced: Hashes = np.where(keys[at] == values, targets[at], values)
    return replaced
