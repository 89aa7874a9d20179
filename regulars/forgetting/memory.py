"""What a run must not forget before it has ended: which guests the people were.

The lines and notes that say so are among the first things to go. So they are written down before, and a run that takes
up what another one left undone reads them. With the last step the file goes, too.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from serving.campaigns.files import written_whole
from serving.events.redaction import Guests

FILE = "unfinished.json"


class Memory:
    """The guests of people whose erasure is under way."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._told = self._read()

    def recall(self, guests: Guests) -> None:
        """Let `guests` know what runs that were stopped knew."""
        for guest, moment, user_id in self._told:
            guests.add(guest, moment, user_id)

    def keep(self, guests: Guests, users: Collection[str]) -> None:
        """Write down which guests `users` were, beside what other runs left undone."""
        self._told = sorted({*self._told, *guests.told(users)})
        self._write()

    def done_with(self, users: Collection[str]) -> None:
        """Forget what the work on `users` needed."""
        self._told = [merge for merge in self._told if merge[2] not in users]
        self._write()

    def _read(self) -> list[tuple[str, str, str]]:
        if not self._path.exists():
            return []
        return [(guest, moment, user) for guest, moment, user in json.loads(self._path.read_text(encoding="utf-8"))]

    def _write(self) -> None:
        if not self._told:
            self._path.unlink(missing_ok=True)
            return
        with written_whole(self._path) as file:
            file.write(json.dumps(self._told, ensure_ascii=False).encode() + b"\n")
