"""The versions there are, which one is served, and how it came to be.

::

    artifacts/
        20180101-3f9c0a1b2c3d/   immutable; there as a whole or not at all
        CURRENT                  one line: the version that is served
        journal.jsonl            one line per thing that happened, only ever appended

An artifact knows nothing of the time of day; the journal does. `CURRENT` is replaced in one step, so a reader
sees the old version or the new one. Rolling back is going back through the journal: publish a, publish b,
roll back serves a again, and rolling back once more goes to what was served before a.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.artifact import MANIFEST_FILE
from recommender.errors import InvalidArtifact, UnknownVersion
from recommender.manifest import VERSION_NAME

CURRENT_FILE = "CURRENT"
JOURNAL_FILE = "journal.jsonl"
SHOWN_VERSIONS = 5

TRAINED, PUBLISHED, ROLLED_BACK = "trained", "published", "rolled_back"
CHALLENGER, WITHDRAWN = "challenger", "withdrawn"
"""Served to the variants of experiments that name it, and no longer."""

_STANDING = frozenset({PUBLISHED, ROLLED_BACK, CHALLENGER, WITHDRAWN})
"""What decides whether a version is a challenger."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Something that happened to a version."""

    event: str
    """`TRAINED`, `PUBLISHED`, `ROLLED_BACK`, `CHALLENGER` or `WITHDRAWN`."""
    version: str
    """For a rollback, the version that is served from then on."""
    at: str
    """ISO 8601, UTC."""
    details: dict[str, Any]


def utc_now() -> datetime:
    """Return the wall clock's time."""
    return datetime.now(UTC)


class Registry:
    """The artifacts below one folder."""

    def __init__(self, root: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.root = root
        self._clock = clock

    def versions(self) -> list[str]:
        """Return the complete versions, in the order they were trained; unfinished directories do not
        count.
        """
        if not self.root.is_dir():
            return []
        present = {path.name for path in self.root.iterdir() if self._is_complete(path.name)}
        trained = dict.fromkeys(entry.version for entry in self.journal() if entry.version in present)
        return [*sorted(present - trained.keys()), *trained]

    def get(self, version: str) -> Path:
        """Return the directory of `version`.

        Raises
        ------
        UnknownVersion
            If there is no such version; the message names those it might be.
        """
        if self._is_complete(version):
            return self.root / version
        known = self.versions()
        if not known:
            raise UnknownVersion(
                f"there is no version {version!r}: nothing was trained yet in {self.root}; train first"
            )
        near = difflib.get_close_matches(version, known, n=SHOWN_VERSIONS, cutoff=0.5) or known[-SHOWN_VERSIONS:]
        raise UnknownVersion(f"there is no version {version!r} in {self.root}; there are {', '.join(near)}")

    def current(self) -> str | None:
        """Return the version that is served, or None before the first one.

        Raises
        ------
        InvalidArtifact
            If the pointer is not text.
        """
        path = self.root / CURRENT_FILE
        try:
            return path.read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise InvalidArtifact(f"{path} is damaged: it is not text; delete it and publish a version again") from None

    def set_current(self, version: str) -> None:
        """Make `version` the one that is served.

        Raises
        ------
        UnknownVersion
            If there is no such version.
        """
        self.get(version)
        self._replace_current(version)
        self.record(PUBLISHED, version)

    def rollback(self) -> str:
        """Serve the version before the current one again, and return it.

        Raises
        ------
        UnknownVersion
            If no earlier version was served, or none of them is still there.
        """
        current = self.current()
        served = [version for version in self._served() if version != current and self._is_complete(version)]
        if not served:
            raise UnknownVersion(f"there is nothing to roll back to: no version was served before {current or 'now'}")
        self._replace_current(served[-1])
        self.record(ROLLED_BACK, served[-1])
        return served[-1]

    def previous(self) -> str | None:
        """Return the version a rollback would serve, or None."""
        served = [version for version in self._served() if version != self.current() and self._is_complete(version)]
        return served[-1] if served else None

    def challengers(self) -> frozenset[str]:
        """Return the versions that were published beside the served one, and neither withdrawn nor served since."""
        last = {entry.version: entry.event for entry in self.journal() if entry.event in _STANDING}
        return frozenset(version for version, event in last.items() if event == CHALLENGER)

    def record(self, event: str, version: str, **details: Any) -> None:
        """Append to the journal what happened to `version`, with the time."""
        entry = {"event": event, "version": version, "at": self._clock().isoformat(timespec="seconds"), **details}
        self.root.mkdir(parents=True, exist_ok=True)
        line = json.dumps(entry, ensure_ascii=False, allow_nan=False)
        with (self.root / JOURNAL_FILE).open("ab") as file:
            file.write(self._unfinished_line() + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def journal(self) -> Iterator[JournalEntry]:
        """Yield what happened, oldest first; a line that was cut off by a crash is skipped."""
        try:
            lines = (self.root / JOURNAL_FILE).read_bytes().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                content = json.loads(line)
                entry = JournalEntry(content.pop("event"), content.pop("version"), content.pop("at"), content)
            except (ValueError, KeyError, AttributeError, TypeError):
                continue
            yield entry

    def trained(self, fingerprint: str) -> JournalEntry | None:
        """Return the latest training with this run fingerprint whose artifact is still there."""
        found = None
        for entry in self.journal():
            is_same = entry.event == TRAINED and entry.details.get("fingerprint") == fingerprint
            if is_same and self._is_complete(entry.version):
                found = entry
        return found

    def _served(self) -> list[str]:
        """Replay the journal: the versions that were served and not rolled back, oldest first."""
        served: list[str] = []
        for entry in self.journal():
            if entry.event == PUBLISHED and served[-1:] != [entry.version]:
                served.append(entry.version)
            elif entry.event == ROLLED_BACK and entry.version in served:
                last = len(served) - 1 - served[::-1].index(entry.version)
                del served[last + 1 :]
        return served

    def _is_complete(self, version: str) -> bool:
        return bool(VERSION_NAME.fullmatch(version)) and (self.root / version / MANIFEST_FILE).is_file()

    def _unfinished_line(self) -> bytes:
        """Return the newline that a crash kept from being written, if one did."""
        path = self.root / JOURNAL_FILE
        content = path.read_bytes()[-1:] if path.exists() else b""
        return b"" if content in {b"", b"\n"} else b"\n"

    def _replace_current(self, version: str) -> None:
        unfinished, current = self.root / f".{CURRENT_FILE}.{os.getpid()}.tmp", self.root / CURRENT_FILE
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                file.write(version + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, current)  # noqa: PTH105 - the atomic one, by its own name
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror or str(error), str(current)) from error
        folder = os.open(self.root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
