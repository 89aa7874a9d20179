"""Saying where a page was written."""

from __future__ import annotations

from pathlib import Path

from regulars.terminal import say, write


def announce(page: Path, *, beside_json: bool) -> None:
    """Print the path of a page: as the result, or beside it where JSON is the result."""
    say("Open it in a browser:")
    if beside_json:
        say(str(page))
    else:
        write(str(page))
