"""`regulars.toml`, the environment and ``--set``, made into typed settings.

Three layers, the later one wins: the file, variables such as ``REGULARS_ALS_FACTORS``, and ``--set als.factors=128``.
The sections belong to the packages that read them (`training.settings`, `serving.settings`). Whatever is wrong is said
at once, for every wrong key: what, which value, and the line, variable or option it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from recommender.errors import ConfigError
from recommender.traffic.attribution import Window
from regulars.setting_keys import NAME, Dotted, Key, KeyTable
from regulars.setting_layers import Assignment, read_environment, read_file, read_overrides
from serving.settings import AppSettings
from serving.settings import masked as without_password
from training.settings import TrainingSettings

DEFAULT_PATH = Path("regulars.toml")
SECRET_NAMES = ("password", "secret", "token", "api_key")
MASK = "***"

KEYS = KeyTable([TrainingSettings, AppSettings])
"""Every key there is."""

Settings = TypeVar("Settings", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Setting:
    """One key with its value, as `regulars config show` prints it."""

    key: Key
    value: Any
    origin: str | None
    """Who set it; None for the built-in default."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of both sides, and who set what."""

    path: Path
    training: TrainingSettings
    app: AppSettings
    assignments: tuple[Assignment, ...]
    """In the order they were applied."""

    def settings(self) -> list[Setting]:
        """Return every key with its value and origin; what is secret is masked."""
        origins = {at.path[:depth]: at.origin for at in self.assignments for depth in range(1, len(at.path) + 1)}
        keys = [named for key in KEYS for named in self._named(key)]
        tables = list(dict.fromkeys(key.path[:-1] for key in keys))
        keys.sort(key=lambda key: tables.index(key.path[:-1]))
        return [Setting(key, masked(key.path, self._value(key.path)), origins.get(key.path)) for key in keys]

    def _named(self, key: Key) -> list[Key]:
        """Return a key with the names that were chosen in its path, one for each."""
        if not key.is_named:
            return [key]
        at = key.path.index(NAME)
        names: Iterable[str] = self._value(key.path[:at])
        keys = [replace(key, path=(*key.path[:at], name, *key.path[at + 1 :])) for name in names]
        return [named for each in keys for named in self._named(each)]

    def _value(self, path: Dotted) -> Any:
        value: Any = self.training if path[0] in TrainingSettings.model_fields else self.app
        for name in path:
            value = value[name] if isinstance(value, Mapping) else getattr(value, name)
        return value


def load(path: Path, *, overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration at `path`, then `environ`, then `overrides`.

    Raises
    ------
    ConfigError
        If the file cannot be read, or any key or value is wrong.
    """
    given = Given(path, (*read_file(path), *read_environment(environ or {}, KEYS), *read_overrides(overrides, KEYS)))
    problems = given.unknown_sections() + given.with_null_character()
    training = _validated(TrainingSettings, {"folder": path.parent}, given, problems)
    shared = {} if training is None else _shared(training)
    app = _validated(AppSettings, shared, given, problems)
    if training is None or app is None or problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    return Config(path, training, app, given.assignments)


def masked(path: Dotted, value: Any) -> Any:
    """Return `value` without what must not be shown: passwords in addresses, and whatever is secret by name."""
    if isinstance(value, str) and value and any(word in path[-1] for word in SECRET_NAMES):
        return MASK
    if isinstance(value, str) and "://" in value:
        return without_password(value)
    if isinstance(value, (list, tuple)):
        return type(value)(masked(path, part) for part in value)
    return value


@dataclass(frozen=True, slots=True)
class Given:
    """What was written, by whom, before anyone judged it."""

    path: Path
    assignments: tuple[Assignment, ...]

    def tables(self) -> dict[str, Any]:
        """Return the nested tables that the assignments build up."""
        tables: dict[str, Any] = {}
        for assignment in self.assignments:
            assignment.into(tables)
        return tables

    def origin(self, at: Dotted) -> str:
        """Say who wrote `at` last, or something below it."""
        depth = len(at)
        origins = [given.origin for given in self.assignments if at in (given.path[:depth], given.path)]
        above = [given.origin for given in self.assignments if at[: len(given.path)] == given.path]
        return (origins or above)[-1] if at and (origins or above) else str(self.path)

    def unknown_sections(self) -> list[str]:
        """Return a complaint about each table that is no section."""
        unknown = [(name,) for name in self.tables() if name not in KEYS.sections]
        return [f"{self.origin(at)}: {KEYS.unknown(at)}" for at in unknown]

    def with_null_character(self) -> list[str]:
        """Return a complaint about each text that holds the character no path, address or name may hold."""
        return [
            f"{at.origin}: {'.'.join(at.path)} holds the character U+0000; remove it"
            for at in self.assignments
            if any("\0" in text for text in _texts(at.value))
        ]


def _texts(value: Any) -> list[str]:
    return [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, str)]


def _shared(training: TrainingSettings) -> dict[str, Any]:
    """Return what serving takes over from sections that are training's."""
    return {
        "data_dir": training.data_dir,
        "shop_name": training.shop.name,
        "currency": training.shop.currency,
        "attribution_window": Window(training.attribution.click_days, training.attribution.view_days),
    }


def _validated(model: type[Settings], shared: Mapping[str, Any], given: Given, problems: list[str]) -> Settings | None:
    """Return the settings of `model`, or None after adding to `problems`."""
    tables = given.tables()
    mine = {name: tables[name] for name in tables if name in KEYS.sections and name in model.model_fields}
    try:
        return model.model_validate({**shared, **mine})
    except ValidationError as error:
        problems += [_problem(detail, mine, given) for detail in error.errors(include_url=False)]
        return None


def _problem(detail: ErrorDetails, tables: Mapping[str, Any], given: Given) -> str:
    """Say what pydantic found in our words."""
    at = _written(detail["loc"], tables)
    origin, dotted, key = given.origin(at), ".".join(at), KEYS.get(at)
    rule = detail["msg"].removeprefix("Value error, ").replace("Input should", "it should", 1)
    if detail["type"] == "extra_forbidden":
        return f"{origin}: {KEYS.unknown(at)}"
    if detail["type"] == "missing":
        return f'{origin}: [{dotted}] needs "{detail["loc"][-1]}"'
    if isinstance(detail["input"], Mapping) and key is None:
        return f"{origin}: [{dotted}]: {rule}"
    purpose = f" ({key.description.rstrip('.')})" if key and key.description else ""
    return f"{origin}: {dotted} is {masked(at, detail['input'])!r}; {rule}{purpose}"


def _written(loc: Iterable[int | str], tables: Mapping[str, Any]) -> Dotted:
    """Return the part of pydantic's location that someone wrote: it adds the names of union members."""
    at: list[str] = []
    value: Any = tables
    for name in loc:
        if not isinstance(value, Mapping) or name not in value:
            break
        at.append(str(name))
        value = value[name]
    return tuple(at)
