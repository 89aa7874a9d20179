"""The pages of documentation, and how tests read them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "data" / "README.md"])
DEPLOYED = sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file())


def name_of(path: Path) -> str:
    """Where a file lies in the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def text_of(page: str) -> str:
    """The text of one page."""
    return (ROOT / page).read_text(encoding="utf-8")


def all_text() -> str:
    """The text of every page."""
    return "\n".join(text_of(name_of(page)) for page in PAGES)


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced blocks of some languages."""
    return [body for language, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S) if language in languages]


def undocumented(names: Iterable[str], text: str) -> list[str]:
    """The names that `text` never puts between backticks."""
    spans = " ".join(re.findall(r"`[^`\n]+`", text))
    return [name for name in names if not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", spans)]


def make_targets() -> set[str]:
    """Every target that `make` lists."""
    return set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.M))
