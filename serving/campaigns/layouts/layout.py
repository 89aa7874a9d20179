"""What layouts share: where they write, how a long file becomes several, and what had to be shortened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from serving.campaigns.files import HashedFile, written_whole
from serving.campaigns.manifest import FileEntry
from serving.campaigns.rows import Links
from serving.campaigns.snapshot import Sent, SentPick, Snapshot

MORE = "…"


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What a layout is written from."""

    folder: Path
    snapshot: Snapshot
    links: Links | None
    addresses: Mapping[str, str]
    """Email by user; empty where the shop gave none."""

    def click(self, sent: Sent, slot: int, pick: SentPick) -> str:
        """Return the address that a pick leads to; empty where there is none."""
        return pick.item.url if self.links is None else self.links.click(sent.number, slot)

    def image(self, sent: Sent, slot: int, pick: SentPick) -> str:
        """Return the address of a picture; empty where there is none."""
        return pick.item.image_url if self.links is None else self.links.image(sent.number, slot)


class Layout(Protocol):
    """Writes files for one mail tool."""

    def add(self, sent: Sent) -> None:
        """Write a recipient."""
        ...

    def finish(self) -> dict[str, FileEntry]:
        """Complete the files and return what they came to."""
        ...

    def abandon(self) -> None:
        """Leave nothing behind that is not complete."""
        ...

    @property
    def notes(self) -> list[str]:
        """What was shortened or left out, in words."""
        ...


class Frame(NamedTuple):
    """What stands around the rows of each file."""

    head: bytes = b""
    between: bytes = b""
    tail: bytes = b""


class SplitFiles:
    """Rows in files of bounded length: ``stem-001.suffix``, ``stem-002.suffix``, …"""

    def __init__(
        self, folder: Path, stem: str, suffix: str, *, frame: Frame, max_bytes: int, max_rows: int | None = None
    ) -> None:
        self._folder = folder
        self._name = (stem, suffix)
        self._frame = frame
        self._max_bytes = max_bytes
        self._max_rows = max_rows
        self._done: dict[str, FileEntry] = {}
        self._stack = ExitStack()
        self._file: HashedFile | None = None
        self._rows = 0

    def add(self, row: bytes) -> None:
        """Write a row, into the next file if this one is full."""
        if self._file is not None:
            size = self._file.size + len(self._frame.between) + len(row) + len(self._frame.tail)
            if size > self._max_bytes or self._rows == self._max_rows:
                self._close()
        if self._file is None:
            self._file = self._stack.enter_context(written_whole(self._folder / self._next))
            self._file.write(self._frame.head + row)
        else:
            self._file.write(self._frame.between + row)
        self._rows += 1

    def finish(self) -> dict[str, FileEntry]:
        """Complete the last file; without any row there is one file without rows."""
        if self._file is None and not self._done:
            self._file = self._stack.enter_context(written_whole(self._folder / self._next))
            self._file.write(self._frame.head)
        if self._file is not None:
            self._close()
        return self._done

    def abandon(self) -> None:
        """Delete the file that is being written."""
        self._stack.__exit__(InterruptedError, InterruptedError(), None)

    @property
    def _next(self) -> str:
        stem, suffix = self._name
        return f"{stem}-{len(self._done) + 1:03}.{suffix}"

    def _close(self) -> None:
        assert self._file is not None
        self._file.write(self._frame.tail)
        file, name = self._file, self._next
        self._stack.close()
        self._done[name] = FileEntry(self._rows, file.size, file.sha256)
        self._file, self._rows = None, 0


@dataclass(slots=True)
class Fitting:
    """Makes texts fit, and counts what it cost."""

    tool: str
    shortened: Counter[tuple[str, int]] = field(default_factory=Counter)
    dropped: Counter[tuple[str, int]] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def text(self, text: str, *, characters: int, what: str) -> str:
        """Return `text` with so many characters at most."""
        if len(text) <= characters:
            return text
        self.shortened[what, characters] += 1
        return text[: characters - len(MORE)] + MORE

    def text_bytes(self, text: str, *, size: int, what: str) -> str:
        """Return `text` with so many bytes of UTF-8 at most."""
        if len(text.encode()) <= size:
            return text
        self.shortened[what, size] += 1
        return text.encode()[: size - len(MORE.encode())].decode(errors="ignore") + MORE

    def address(self, address: str, *, size: int, what: str) -> str:
        """Return `address` if it has so many bytes at most, else nothing: half an address leads nowhere."""
        if len(address.encode()) <= size:
            return address
        self.dropped[what, size] += 1
        return ""

    @property
    def notes(self) -> list[str]:
        """What it cost, in words."""
        return [
            *(f"{n:,} × {what} shortened to {limit}" for (what, limit), n in sorted(self.shortened.items())),
            *(f"{n:,} × {what} longer than {limit} left empty" for (what, limit), n in sorted(self.dropped.items())),
            *(f"{n:,} × {why}" for why, n in sorted(self.left_out.items())),
        ]
