"""Taking people out of event files, while servers write to them.

What somebody did becomes nobody's, as what is reported of them from then on: the ids of the user and of the guest go,
the event stays, so that what sells is counted as before. That holds for their lines, and for those of the guests they
turned out to be, by the rule of training (`training.sources.merges`): a guest's line belongs to who signed in last
before it, or else to who signed in first after it.

A line keeps its length, filled up with spaces. So whoever has read a file up to some place finds that place again.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from serving.events import files

PERSONAL = ("user_id", "anonymous_id")
"""What a line says about whose it is."""

_SECONDS = len("2026-11-22T10:00:00")


class Guests:
    """Who the guests of some lines turned out to be, and when."""

    def __init__(self) -> None:
        self._merges: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._sorted: dict[str, list[tuple[str, str]]] = {}

    def learn(self, lines: Iterable[bytes]) -> None:
        """Take notice of the merges among some lines."""
        for line in lines:
            if b'"merge"' not in line or (event := read(line)) is None or event.get("event") != files.MERGE:
                continue
            anonymous_id, user_id = event.get("anonymous_id"), event.get("user_id")
            if isinstance(anonymous_id, str) and isinstance(user_id, str):
                self.add(anonymous_id, _moment(event), user_id)

    def add(self, guest: str, moment: str, user_id: str) -> None:
        """Take notice of a merge; an empty moment is before all others."""
        self._merges[guest].add((moment, user_id))
        self._sorted.pop(guest, None)

    def owner(self, event: Mapping[str, Any]) -> Any:
        """Return whose an event is; None for a guest who stayed one."""
        if (user_id := event.get("user_id")) is not None:
            return user_id
        guest = str(event.get("anonymous_id"))
        if guest not in self._merges:
            return None
        merges = self._sorted.get(guest) or self._sorted.setdefault(guest, sorted(self._merges[guest]))
        latest = bisect_right(merges, _moment(event), key=lambda merge: merge[0])
        return merges[max(0, latest - 1)][1]

    def of(self, users: Collection[str]) -> set[str]:
        """Return the guests who turned out to be one of `users`."""
        return {guest for guest, merges in self._merges.items() if any(user in users for _, user in merges)}

    def told(self, users: Collection[str]) -> list[tuple[str, str, str]]:
        """Return every merge of the guests who turned out to be one of `users`, for `add`."""
        return [(guest, *merge) for guest in sorted(self.of(users)) for merge in sorted(self._merges[guest])]


def event_files(folder: Path) -> list[Path]:
    """Return every file of events in a folder: those that training reads, and spools."""
    return [path for path in sorted(folder.glob("*.jsonl")) if path.is_file()]


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file; none if it was taken away meanwhile."""
    try:
        with path.open("rb") as file:
            yield from file
    except FileNotFoundError:
        return


def guests_in(folder: Path) -> Guests:
    """Return the guests of a folder's files."""
    guests = Guests()
    for path in event_files(folder):
        guests.learn(lines_of(path))
    return guests


def redact_file(path: Path, users: Collection[str], guests: Guests, *, on_line: Callable[[], None]) -> int:
    """Take `users` out of a file, and return how many lines were theirs; a file without any is not touched.

    Raises
    ------
    OSError
        If the disk is full or not writable; the file is as it was.
    """
    found = sum(is_theirs(line, users, guests) for line in lines_of(path))
    if found:
        files.rewrite(path, lambda line: redacted(line) if is_theirs(line, users, guests) else line)
    on_line()
    return found


def is_theirs(line: bytes, users: Collection[str], guests: Guests) -> bool:
    """Say whether a line is about one of `users`; one that is no event, if it names them or a guest they were."""
    event = read(line)
    if event is None:
        names = (*users, *guests.of(users))
        return any(_quotes(line, text) for name in names for text in (orjson.dumps(name), json.dumps(name).encode()))
    return guests.owner(event) in users


def _quotes(line: bytes, quoted: bytes) -> bool:
    """Say whether a line that is no event holds a text in quotation marks, or was torn right behind the text."""
    return quoted in line or line.rstrip(b"\n").endswith(quoted[:-1])


def redacted(line: bytes) -> bytes:
    """Return a line without whose it is, as long as it was; nothing but spaces of what is no event."""
    event = read(line) or {}
    kept = {name: said for name, said in event.items() if name not in PERSONAL}
    return (orjson.dumps(kept) if kept else b"").ljust(len(line.rstrip(b"\n")))


def read(line: bytes) -> dict[str, Any] | None:
    """Return the content of a line; None if it is no event."""
    try:
        event = orjson.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _moment(event: Mapping[str, Any]) -> str:
    """Return when, to the second: times are written alike, so their texts are in their order."""
    return str(event.get("time", ""))[:_SECONDS]
