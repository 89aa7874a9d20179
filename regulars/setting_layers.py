"""Where settings come from, weakest first: the file, the environment, ``--set``.

Each layer is read into `Assignment`: a path, a value and the place that said so. The place is what makes an error
useful: ``regulars.toml, line 12`` for a file, the variable's name for the environment, the option for ``--set``.
Values from the environment and from ``--set`` are TOML (``0.5``, ``true``, ``["a", "b"]``); a bare word is a string,
and a key that holds text takes it as it is written.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recommender.errors import ConfigError
from regulars.setting_keys import ENVIRONMENT_PREFIX, Dotted, Key, KeyTable

NOT_SETTINGS = frozenset({"REGULARS_CONFIG", "REGULARS_REQUIRE_BROWSER", "REGULARS_REQUIRE_SPARK"})
"""Variables with our prefix that set no key: the path of the file, and two switches of the test suite."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One value, and who set it."""

    path: Dotted
    value: Any
    origin: str
    beside: Mapping[str, Any] = field(default_factory=dict)
    """What its table holds if nobody wrote the table: one weight given by ``--set`` leaves the others as they are."""

    def into(self, tables: dict[str, Any]) -> None:
        """Put the value in its place among `tables`, in place of what was there."""
        for depth, name in enumerate(self.path[:-1], start=2):
            if not isinstance(tables.get(name), dict):
                tables[name] = dict(self.beside) if depth == len(self.path) else {}
            tables = tables[name]
        tables[self.path[-1]] = self.value


def read_file(path: Path) -> list[Assignment]:
    """Read a TOML file, each value with its line.

    Raises
    ------
    ConfigError
        If the file is missing, not UTF-8, or not TOML.
    """
    text = _read_text(path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_problem(path, error)) from error
    except RecursionError:
        raise ConfigError(f"{path}: brackets are nested too deeply; no setting needs more than two levels") from None
    lines = _first_lines(text)
    return [Assignment(at, value, _place(path, lines.get(at))) for at, value in _values(tables, ())]


def read_environment(environ: Mapping[str, str], keys: KeyTable) -> list[Assignment]:
    """Read the variables with our prefix.

    Raises
    ------
    ConfigError
        If a variable names no key, or its value is broken TOML.
    """
    ours = sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX) and name not in NOT_SETTINGS)
    return [_from_variable(name, environ[name], keys) for name in ours]


def read_overrides(overrides: Iterable[str], keys: KeyTable) -> list[Assignment]:
    """Read ``section.key=value`` texts, as given to ``--set``.

    Raises
    ------
    ConfigError
        If a text has another form, names no key, or its value is broken TOML.
    """
    return [_from_override(text, keys) for text in overrides]


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; name the configuration with --config, or run this where regulars.toml is"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _syntax_problem(path: Path, error: tomllib.TOMLDecodeError) -> str:
    """Turn ``Invalid value (at line 3, column 5)`` into ``regulars.toml, line 3, column 5: invalid value``."""
    what, _, where = str(error).rpartition(" (at ")
    where = where.rstrip(")").replace("end of document", "at its end")
    what = what[:1].lower() + what[1:]
    return f"{path}, {where}: {what}; the file must be TOML, such as: factors = 64"


def _place(path: Path, line: int | None) -> str:
    return f"{path}" if line is None else f"{path}, line {line}"


def _values(tables: Mapping[str, Any], above: Dotted) -> Iterator[tuple[Dotted, Any]]:
    for name, value in tables.items():
        if isinstance(value, dict) and value:
            yield from _values(value, (*above, name))
        else:
            yield (*above, name), value


def _first_lines(text: str) -> dict[Dotted, int]:
    """Return the line on which each value begins.

    The parser keeps no lines, but every header and every value is a small TOML document of its own, which ends
    with the first line that makes it one.
    """
    found: dict[Dotted, int] = {}
    section: Dotted = ()
    pending: list[str] = []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        pending.append(line)
        try:
            paths = [path for path, _ in _values(tomllib.loads("".join(pending)), ())]
        except tomllib.TOMLDecodeError:
            continue
        if pending[0].lstrip().startswith("["):
            section = paths[0] if paths else ()
        else:
            found.update({(*section, *path): number - len(pending) + 1 for path in paths})
        pending = []
    return found


def _from_variable(name: str, text: str, keys: KeyTable) -> Assignment:
    key = keys.by_variable(name)
    if key is None:
        near = keys.near_variable(name)
        hint = f"did you mean {near}?" if near else "see docs/settings.md for the variables there are"
        raise ConfigError(f"environment: {name} names no setting; {hint}")
    return Assignment(key.path, _parse(text, key, origin=f"environment: {name}"), name, keys.beside(key.path))


def _from_override(text: str, keys: KeyTable) -> Assignment:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f'--set {text}: write it as section.key=value, such as: --set "als.factors=128"')
    path = _dotted(name.strip())
    key = keys.get(path) if path else None
    if key is None or not path:
        raise ConfigError(f"--set {text}: {keys.unknown(path) if path else f'{name!r} is no dotted key'}")
    parsed = _parse(value.strip(), key, origin=f"--set {name}")
    return Assignment(path, parsed, f"--set {key.dotted}", keys.beside(path))


def _dotted(name: str) -> Dotted:
    """Split a dotted key as TOML does, quotes included; return () if it is none."""
    try:
        tables = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    paths = [path for path, _ in _values(tables, ())]
    return paths[0] if len(paths) == 1 else ()


def _parse(text: str, key: Key, *, origin: str) -> Any:
    if key.takes_text and not text.startswith(("'", '"')):
        return text
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError as error:
        if text.startswith(("[", "{", "'", '"')):
            raise ConfigError(f"{origin}: {text} is not a TOML value: {str(error).partition(' (at')[0]}") from error
        return text
    except RecursionError:
        raise ConfigError(f"{origin}: brackets are nested too deeply") from None
    return parsed["value"] if len(parsed) == 1 else text
