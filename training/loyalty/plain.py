"""Frozen dataclasses of plain values, to JSON and back by their type hints."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def rebuilt(cls: type[T], content: Any) -> T:
    """Return the `cls` that `dataclasses.asdict` and JSON made `content` of.

    Raises
    ------
    TypeError, KeyError
        If a field is missing or unknown, or a value of another kind.
    """
    built: T = _of(cls, content)
    return built


def _of(hint: Any, content: Any) -> Any:
    kind, parts = typing.get_origin(hint), typing.get_args(hint)
    if kind is types.UnionType:
        return None if content is None else _of(parts[0], content)
    if kind is tuple and isinstance(content, list | tuple):
        return tuple(_of(parts[0], each) for each in content)
    if kind is not None and issubclass(kind, Mapping) and isinstance(content, Mapping):
        return {name: _of(parts[1], each) for name, each in content.items()}
    if dataclasses.is_dataclass(hint) and isinstance(content, Mapping):
        hints = typing.get_type_hints(hint)
        if unknown := sorted(set(content) - set(hints)):
            raise TypeError(f"{hint} has no {unknown[0]!r}")
        return typing.cast(Any, hint)(**{name: _of(each, content[name]) for name, each in hints.items()})
    if hint is float and type(content) is int:
        return float(content)
    if type(content) is not hint:
        raise TypeError(f"{content!r} is not of type {hint}")
    return content
