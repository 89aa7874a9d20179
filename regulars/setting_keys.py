"""Which keys the configuration has, read off the settings models.

The settings are pydantic models, one per section. This module walks their fields, so that a key can be found by its
dotted path (``als.factors``), by its environment variable (``REGULARS_ALS_FACTORS``), or by a near miss
(``als.factor``: did you mean ``als.factors``?). It knows no section by name: a new field is reachable in all three
ways without a line here.

A field that maps free names to values (``confidence.event_weights``) is an *open* table: any key may follow. A field
that maps free names to settings models (``experiments``) is a *named* section: its keys are known, and `NAME` stands
for the name somebody chose, as in ``experiments.<name>.control``.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, SecretStr

Dotted = tuple[str, ...]

ENVIRONMENT_PREFIX = "REGULARS_"
NAME = "<name>"
"""Stands in a path for any name."""


@dataclass(frozen=True, slots=True)
class Key:
    """One place in the configuration that takes a value."""

    path: Dotted
    annotation: Any
    description: str = ""
    open: bool = False
    """Whether any further key may follow."""
    default: Any = None

    @property
    def dotted(self) -> str:
        """The path as it is written in ``--set``."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The environment variable that sets this key."""
        return ENVIRONMENT_PREFIX + "_".join(self.path).upper()

    @property
    def is_named(self) -> bool:
        """Whether a name has to be put into the path; environment variables cannot."""
        return NAME in self.path

    @property
    def takes_text(self) -> bool:
        """Whether a bare word is meant as it is written, instead of as a TOML value."""
        members = {kind for kind in _members(self.annotation) if kind is not types.NoneType}
        return bool(members) and all(_is_text(kind) for kind in members)

    def below(self, names: Dotted) -> Key:
        """Return the key `names` further down in this open table."""
        annotation = self.annotation
        for _ in names:
            annotation = _value_type(annotation)
        return Key((*self.path, *names), annotation, self.description, open=True)


class KeyTable:
    """Every key of some settings models, whose nested models are the sections."""

    def __init__(self, models: Iterable[type[BaseModel]]) -> None:
        every = (key for model in models for key in _walk(model, ()))
        self._keys = {key.path: key for key in every if len(key.path) > 1}

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())

    @cached_property
    def sections(self) -> tuple[str, ...]:
        """The names of the sections, in the order of the models."""
        return tuple(dict.fromkeys(path[0] for path in self._keys))

    @cached_property
    def variables(self) -> dict[str, Key]:
        """Every key by its environment variable."""
        return {key.variable: key for key in self if not key.is_named}

    def get(self, path: Dotted) -> Key | None:
        """Return the key at `path`, or None if there is none."""
        if (known := self._keys.get(self._general(path))) is not None:
            return dataclasses.replace(known, path=path)
        for length in range(len(path) - 1, 0, -1):
            above = self._keys.get(self._general(path[:length]))
            if above is not None and above.open:
                return dataclasses.replace(above, path=path[:length]).below(path[length:])
        return None

    def beside(self, path: Dotted) -> Mapping[str, Any]:
        """Return the default of the open table that `path` lies in; empty if it lies in none."""
        table = self._keys.get(self._general(path[:-1]))
        return table.default if table is not None and table.open else {}

    def is_table(self, path: Dotted) -> bool:
        """Whether `path` is a section or a table below one."""
        path = self._general(path)
        return any(known[: len(path)] == path and len(known) > len(path) for known in self._keys)

    def by_variable(self, name: str) -> Key | None:
        """Return the key that the environment variable `name` sets, or None."""
        if name in self.variables:
            return self.variables[name]
        for prefix, key in self.variables.items():
            if key.open and name.startswith(f"{prefix}_"):
                return key.below((name[len(prefix) + 1 :].lower(),))
        return None

    def names_in(self, path: Dotted) -> tuple[str, ...]:
        """Return the names directly below the table at `path`."""
        path, depth = self._general(path), len(path)
        return tuple(dict.fromkeys(known[depth] for known in self._keys if known[:depth] == path != known))

    def _general(self, path: Dotted) -> Dotted:
        """Return `path` with `NAME` for the names that somebody chose."""
        general: Dotted = ()
        for name in path:
            here, depth = {known[: len(general) + 1] for known in self._keys}, (*general, NAME)
            general = depth if (*general, name) not in here and depth in here else (*general, name)
        return general

    def near(self, path: Dotted) -> str | None:
        """Return the dotted path that was probably meant by the unknown `path`, or None."""
        siblings = {".".join((*path[:-1], name)): name for name in self.names_in(path[:-1])}
        if close := difflib.get_close_matches(path[-1], siblings.values(), n=1):
            return ".".join((*path[:-1], close[0]))
        namesakes = [key.dotted for key in self if key.path[-1] == path[-1]]
        close = difflib.get_close_matches(".".join(path), [key.dotted for key in self], n=1, cutoff=0.75)
        return next(iter([*namesakes, *close]), None)

    def near_variable(self, name: str) -> str | None:
        """Return the environment variable that was probably meant by `name`, or None."""
        return next(iter(difflib.get_close_matches(name, self.variables, n=1, cutoff=0.7)), None)

    def unknown(self, path: Dotted) -> str:
        """Say that there is no key at `path`, and which was probably meant."""
        if self.is_table(path):
            return f"{'.'.join(path)} names a section, not a key (its keys: {', '.join(self.names_in(path))})"
        section = path[:-1] if self.is_table(path[:-1]) else ()
        what = f'there is no section "{".".join(path[:-1] or path)}"'
        if section:
            what = f'[{".".join(section)}] has no key "{path[-1]}"'
        near = self.near(path)
        hint = f'; did you mean "{near}"?' if near else ""
        return f"{what}{hint} (known: {', '.join(self.names_in(section))})"


def _walk(model: type[BaseModel], above: Dotted) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        path = (*above, name)
        if (nested := _model(field.annotation)) is not None:
            yield from _walk(nested, path)
        elif (named := _named_model(field.annotation)) is not None:
            yield from _walk(named, (*path, NAME))
        else:
            is_open = _value_type(field.annotation) is not None
            default = field.get_default(call_default_factory=True, validated_data={})
            yield Key(path, field.annotation, field.description or "", open=is_open, default=default)


def _members(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, of `Annotated` layers the inner type, or the annotation itself."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(kind for member in typing.get_args(annotation) for kind in _members(member))
    return (annotation,)


def _model(annotation: Any) -> type[BaseModel] | None:
    models = (kind for kind in _members(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel))
    return next(models, None)


def _named_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model that names are mapped to, or None."""
    kind = _value_type(annotation)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def model_of(annotation: Any) -> type[BaseModel]:
    """Return the model of a section, named or not."""
    model = _model(annotation) or _named_model(annotation)
    assert model is not None, f"{annotation} is no section"
    return model


def _value_type(annotation: Any) -> Any | None:
    """Return what a mapping maps to, or None if the annotation is no mapping."""
    for kind in _members(annotation):
        origin = typing.get_origin(kind) or kind
        if isinstance(origin, type) and issubclass(origin, Mapping):
            arguments: tuple[Any, ...] = typing.get_args(kind)
            return next(reversed(arguments), Any)
    return None


def _is_text(kind: Any) -> bool:
    if typing.get_origin(kind) is Literal:
        return all(isinstance(choice, str) for choice in typing.get_args(kind))
    return isinstance(kind, type) and issubclass(kind, (str, Path, SecretStr))
