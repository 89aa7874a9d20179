"""What was erased, where, and what still holds it: the answer to somebody who asked to be forgotten.

It is printed, and kept as ``<data_dir>/forgotten/<time>-<person>.json`` without the person's id: in its place stands a
hash with a secret of this installation, by which the shop can show later that this person was forgotten and when, and
nobody else can find out who it was.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from serving.campaigns.files import written_whole
from serving.kept_secret import kept_secret

FOLDER = "forgotten"
SECRET_FILE = "receipts.secret"  # noqa: S105  a file name


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere a person was, or still is."""

    what: str
    """Such as "event files"."""
    where: str
    """A path or the name of a store."""
    rows: int | None = None
    """Lines, rows or records; None where they were not counted."""
    note: str = ""
    """What to do, or why it stays."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one run."""

    at: str
    """ISO 8601, UTC."""
    persons: tuple[str, ...]
    """Salted hashes."""
    erased: tuple[Place, ...]
    """Where they were, and are no more. Empty if they were nowhere, or were taken out before."""
    kept: tuple[Place, ...]
    """What still holds them: files that are the shop's or have left the house, and the note that keeps them out."""
    pending: tuple[Place, ...]
    """What could not be done now; running the command again goes on from there."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be done here."""
        return not self.pending

    def to_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {**asdict(self), "complete": self.is_complete}

    def keep(self, data_dir: Path) -> Path:
        """Write it down, and return where."""
        name = f"{self.at.replace(':', '').replace('-', '')}-{self.persons[0][:12]}.json"
        path = data_dir / FOLDER / name
        with written_whole(path) as file:
            file.write(json.dumps(self.to_dict(), indent=2, ensure_ascii=False).encode() + b"\n")
        return path


class Persons:
    """Names people in receipts."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER
        self._secret = kept_secret(self._folder / SECRET_FILE, otherwise="this receipt cannot be told to be theirs")

    def hashes(self, users: Collection[str]) -> tuple[str, ...]:
        """Return what stands for them."""
        return tuple(hmac.new(self._secret, user.encode(), hashlib.sha256).hexdigest() for user in sorted(users))

    def unfinished(self, users: Collection[str]) -> list[str]:
        """Return those of `users` whom no complete receipt names."""
        done: set[str] = set()
        for path in self._folder.glob("*.json"):
            content = _read(path)
            if content.get("complete"):
                done.update(content.get("persons", ()))
        return [user for user in sorted(users) if self.hashes([user])[0] not in done]


def receipt_of(
    persons: Sequence[str], now: datetime, *, erased: Sequence[Place], kept: Sequence[Place], pending: Sequence[Place]
) -> Receipt:
    """Return the receipt of a run; places where nobody was are left out."""
    return Receipt(
        at=f"{now:%Y-%m-%dT%H:%M:%S.%f}Z",
        persons=tuple(persons),
        erased=tuple(place for place in erased if place.rows),
        kept=tuple(kept),
        pending=tuple(pending),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
