"""Taking frozen dataclasses apart into named arrays and small values, and putting them together again.

An artifact holds arrays as ``.npy`` files and everything else as JSON. `flatten` walks the fields of a dataclass:
an array stays an array, text becomes a `TextColumn`, a nested dataclass is walked with a dotted prefix, and numbers,
strings and times become values. `unflatten` does the reverse, driven by the type hints alone, so nothing in a file
decides which code runs: no pickle, no class names on disk.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidArtifact
from recommender.events import Event
from recommender.text import TextColumn

T = TypeVar("T")
Arrays = dict[str, npt.NDArray[Any]]
Values = dict[str, Any]

TEXT = tuple[str, ...]

_DAYS = np.dtype("datetime64[D]")
"""What a column of times in an artifact counts in."""


def flatten(thing: Any, prefix: str = "") -> tuple[Arrays, Values]:
    """Return the arrays and the values of a dataclass instance, by dotted field name.

    Raises
    ------
    InvalidArtifact
        If an array is not of the type its field declares: it could be written, but not be read again.
    """
    arrays: Arrays = {}
    values: Values = {}
    for name, hint in _fields(type(thing)).items():
        _put(getattr(thing, name), hint, f"{prefix}{name}", arrays, values)
    return arrays, values


def unflatten(cls: type[T], arrays: Mapping[str, npt.NDArray[Any]], values: Mapping[str, Any], prefix: str = "") -> T:
    """Build a `cls` from what `flatten` returned.

    Raises
    ------
    InvalidArtifact
        If an array or a value is missing or of the wrong kind.
    """
    parts = {name: _get(hint, f"{prefix}{name}", arrays, values) for name, hint in _fields(cls).items()}
    return cls(**parts)


def _fields(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: _opened(hints[field.name]) for field in dataclasses.fields(cls) if field.init}


def _opened(hint: Any) -> Any:
    """Return what an alias such as ``NDArray[np.int32]`` stands for: from NumPy 2.5 on it is one by the type system."""
    alias = typing.get_origin(hint)
    return alias.__value__[typing.get_args(hint)] if hasattr(alias, "__value__") else hint


def _put(value: Any, hint: Any, name: str, arrays: Arrays, values: Values) -> None:
    if isinstance(value, np.ndarray):
        arrays[name] = _declared(np.ascontiguousarray(value), hint, name)
    elif hint == TEXT:
        _put(TextColumn.from_strings(value), TextColumn, name, arrays, values)
    elif dataclasses.is_dataclass(value):
        nested_arrays, nested_values = flatten(value, f"{name}.")
        arrays.update(nested_arrays)
        values.update(nested_values)
    elif isinstance(value, np.datetime64):
        values[name] = str(value.astype("datetime64[s]"))
    elif isinstance(value, Mapping):
        values[name] = {key.label if isinstance(key, Event) else key: item for key, item in value.items()}
    else:
        values[name] = str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _get(hint: Any, name: str, arrays: Mapping[str, npt.NDArray[Any]], values: Mapping[str, Any]) -> Any:
    try:
        if typing.get_origin(hint) is np.ndarray:
            return _declared(arrays[name], hint, name)
        if hint == TEXT:
            return tuple(unflatten(TextColumn, arrays, values, f"{name}."))
        if dataclasses.is_dataclass(hint):
            return unflatten(typing.cast(type, hint), arrays, values, f"{name}.")
        return _value(values[name], hint, name)
    except KeyError as missing:
        raise InvalidArtifact(f"the artifact has no {missing.args[0]!r}; train it again with this version") from None


def _value(value: Any, hint: Any, name: str) -> Any:
    """Return a value of the manifest as its field's type, if it is one: a word is no number, and no time is no time."""
    if hint is np.datetime64 and isinstance(value, str) and not np.isnat(moment := np.datetime64(value, "s")):
        return moment
    if hint is float and not isinstance(value, bool):
        return float(value)
    if typing.get_args(hint)[:1] == (Event,):
        return {Event.parse(label): _value(weight, float, name) for label, weight in value.items()}
    if type(value) in (typing.get_args(hint) or (hint,)):
        return value
    raise InvalidArtifact(f"{name} is {value!r}, which is not of type {hint}; train it again with this version")


def _declared(array: npt.NDArray[Any], hint: Any, name: str) -> npt.NDArray[Any]:
    """Return `array` if it is of the type that the field's hint, such as ``NDArray[np.int32]``, declares."""
    _, dtype = typing.get_args(hint)
    (kind,) = typing.get_args(dtype)
    expected = _DAYS if kind is np.datetime64 else np.dtype(kind)
    if array.dtype != expected:
        raise InvalidArtifact(f"{name} holds {array.dtype}, not {expected}; train it again with this version")
    return array
