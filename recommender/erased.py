"""The list of users who asked to be forgotten, as it stands on disk: one id a line, UTF-8.

A line counts once it ends: what a crash left of an id may be somebody else's, and nobody was promised anything yet.
A byte-order mark and carriage returns are what some editors add; no id holds either.
"""

from __future__ import annotations

from pathlib import Path

from recommender.errors import InvalidInput


def erased_in(path: Path) -> frozenset[str]:
    """Return the users that the list names; nobody if there is no such file.

    Raises
    ------
    InvalidInput
        If the file is not text.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return frozenset()
    try:
        text = content[: content.rfind(b"\n") + 1].decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInput(
            f"{path}, line {line}: byte 0x{content[error.start]:02X} is not UTF-8; it names who asked to be "
            f"forgotten, one id a line: restore the file, or correct the line"
        ) from None
    lines = text.removeprefix("\ufeff").split("\n")  # not splitlines: an id may hold U+2028
    return frozenset(line.removesuffix("\r") for line in lines) - {""}
