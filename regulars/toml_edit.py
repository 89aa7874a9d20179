"""Changing values in a TOML file that a person wrote, and leaving everything else as it is.

Only plain values on one line are changed; comments, order and blank lines stay. A key that is commented out is put
below its comment, one that is missing at the end of its table. What comes out is parsed and compared with what was
meant before it replaces the file, so a file of a form that this does not understand is left alone.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recommender.errors import ConfigError
from regulars.toml_text import toml_value

_BOM = "\ufeff"
_HEADER = re.compile(r"\s*\[+\s*([^\]]*?)\s*\]+\s*(#.*)?$")


def set_values(path: Path, values: Mapping[str, Any]) -> None:
    """Set dotted keys such as ``als.factors`` in the file at `path`.

    Raises
    ------
    ConfigError
        If the file cannot be changed without changing something else; it is left as it was.
    """
    with path.open(encoding="utf-8", newline="") as file:
        before = file.read()
    after = edited(before, values)
    wanted = tomllib.loads(before.removeprefix(_BOM))
    for key, value in values.items():
        section, _, name = key.partition(".")
        wanted.setdefault(section, {})[name] = value
    if _parsed(after) != wanted:
        written = ", ".join(f"{key} = {toml_value(value)}" for key, value in values.items())
        raise ConfigError(f"{path} is written in a form that cannot be changed safely; change it by hand: {written}")
    _replace(path, after)


def edited(text: str, values: Mapping[str, Any]) -> str:
    """Return `text` with the values in their lines."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.removeprefix(_BOM).split(end)
    for key, value in values.items():
        section, _, name = key.partition(".")
        _set(lines, section, name, toml_value(value))
    return _BOM * text.startswith(_BOM) + end.join(lines)


def _set(lines: list[str], section: str, name: str, value: str) -> None:
    start, stop = _span(lines, section)
    for at in range(start, stop):
        if found := re.match(rf"(\s*{re.escape(name)}\s*=\s*)([^\s#]+)(\s*)(#.*)?$", lines[at]):
            lines[at] = f"{found[1]}{value}{_padded(found, value)}"
            return
    for at in range(start, stop):
        if re.match(rf"\s*#\s*{re.escape(name)}\s*=", lines[at]):
            lines.insert(at + 1, f"{name} = {value}")
            return
    if start == stop == len(lines):
        lines[-1:] = [*lines[-1:], f"[{section}]", f"{name} = {value}", ""]
        return
    while stop > start and not lines[stop - 1].strip():
        stop -= 1
    lines.insert(stop, f"{name} = {value}")


def _padded(found: re.Match[str], value: str) -> str:
    """Return the comment behind the old value, in the column where it was if the new one leaves room."""
    if not found[4]:
        return ""
    return " " * max(len(found[2]) + len(found[3]) - len(value), 1) + found[4]


def _span(lines: list[str], section: str) -> tuple[int, int]:
    """Return the lines of a table without its header; both the end of the file if there is none."""
    headers = [(at, found[1]) for at, line in enumerate(lines) if (found := _HEADER.match(line))]
    for place, (at, name) in enumerate(headers):
        if name == section:
            return at + 1, headers[place + 1][0] if place + 1 < len(headers) else len(lines)
    return len(lines), len(lines)


def _parsed(text: str) -> Any:
    try:
        return tomllib.loads(text.removeprefix(_BOM))
    except tomllib.TOMLDecodeError:
        return None


def _replace(path: Path, text: str) -> None:
    path = path.resolve()  # a link stays one
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
    unfinished.chmod(path.stat().st_mode)
    unfinished.replace(path)
