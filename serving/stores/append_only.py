r"""What to do with an append-only file that its server cannot read.

A machine that loses power may leave garbage behind the last command that was written: zeros, or part of another file.
That is cut off, and kept beside. Garbage with good commands behind it is another matter: cutting there would throw
away what was safe, so that is left to a person, and nothing is changed. (A server that is allowed to mend its file by
itself cuts off all of it behind a damaged length: it takes the rest of the file for one value that never ended.)

The file is a sequence of commands as they travel to a server: ``*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n``.
"""

from __future__ import annotations

import logging
import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import StoreUnavailable

FOLDER = "appendonlydir"
MAX_ARGUMENTS = 1_000_000
MAX_NUMBER_BYTES = 20

_LAST_FILE = re.compile(r"^file (?P<name>\S+) seq \d+ type i\b", re.MULTILINE)
_TRANSACTION = re.compile(rb"\*1\r\n\$[45]\r\n(MULTI|EXEC)\r\n", re.IGNORECASE)
_START = re.compile(rb"\*\d+\r\n\$\d+\r\n")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Damage:
    """Where a file stops being a sequence of commands and of whole transactions."""

    path: Path
    at: int
    """Bytes before it."""
    has_commands_behind: bool


def mend(folder: Path) -> bool:
    """Cut off what stands behind the last command of the newest file, keeping a copy; say whether anything was.

    Raises
    ------
    StoreUnavailable
        If there are commands behind the garbage; nothing is changed then.
    """
    damage = find_damage(folder)
    if damage is None:
        return False
    if damage.has_commands_behind:
        raise StoreUnavailable(
            f"{damage.path} is damaged at byte {damage.at}, and good data follow, so nothing was changed. Restore the "
            f"file from a backup. Or give up what follows: copy the file, then truncate --size={damage.at} it"
        )
    kept = folder / f"cut-off-{damage.path.name}-at-{damage.at}"
    with damage.path.open("r+b") as file:
        file.seek(damage.at)
        kept.write_bytes(file.read())
        file.truncate(damage.at)
        os.fsync(file.fileno())
    _log.warning("%s ended in garbage from byte %d on; it is cut off and kept in %s", damage.path, damage.at, kept)
    return True


def sync(folder: Path, *, synced: int) -> int:
    """Make sure that the newest file is on disk if it has grown beyond `synced` bytes, and return its size.

    Who may sync a file need not be who writes it.
    """
    path = _newest(folder)
    try:
        descriptor = os.open(path or folder, os.O_RDONLY)
    except OSError:
        return synced
    try:
        size = os.fstat(descriptor).st_size
        if path is not None and size != synced:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return size


def find_damage(folder: Path) -> Damage | None:
    """Look at the file that was written last; None if it is whole, empty or not there."""
    path = _newest(folder)
    if path is None or not path.exists() or path.stat().st_size == 0:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        whole, read = 0, 0
        for read, is_between in _ends(content):
            whole = read if is_between else whole
        if whole == len(content):
            return None
        return Damage(path, whole, has_commands_behind=_any_command(content, read + 1))


def _newest(folder: Path) -> Path | None:
    try:
        manifest = (folder / FOLDER / "appendonly.aof.manifest").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    names = [found["name"] for found in _LAST_FILE.finditer(manifest)]
    return folder / FOLDER / Path(names[-1]).name if names else None


def _ends(content: mmap.mmap) -> Iterator[tuple[int, bool]]:
    """Yield where each command ends, until one does not, and whether that is outside of a transaction."""
    at: int | None = 0
    is_between = True
    while at is not None and at < len(content):
        if mark := _TRANSACTION.match(content, at):
            is_between = mark[1].upper() == b"EXEC"
        at = _end_of_command(content, at)
        if at is not None:
            yield at, is_between


def _any_command(content: mmap.mmap, start: int) -> bool:
    return any(_end_of_command(content, found.start()) is not None for found in _START.finditer(content, start))


def _end_of_command(content: mmap.mmap, at: int) -> int | None:
    """Return where the command at `at` ends; None if there is none, or not all of it. A note counts as a command."""
    if content[at : at + 1] == b"#":
        line_end = content.find(b"\r\n", at)
        return None if line_end < 0 else line_end + 2
    found = _number(content, at, b"*")
    if found is None or not 0 < found[0] <= MAX_ARGUMENTS:
        return None
    count, at = found
    for _ in range(count):
        found = _number(content, at, b"$")
        if found is None:
            return None
        at = found[1] + found[0] + 2
        if content[at - 2 : at] != b"\r\n":
            return None
    return at


def _number(content: mmap.mmap, at: int, sign: bytes) -> tuple[int, int] | None:
    """Return the number of a line such as ``$3``, and where the next line begins."""
    line_end = content.find(b"\r\n", at, at + MAX_NUMBER_BYTES)
    digits = content[at + 1 : line_end]
    if line_end < 0 or content[at : at + 1] != sign or not digits.isdigit():
        return None
    return int(digits), line_end + 2
