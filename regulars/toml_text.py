"""Values as TOML writes them, for `regulars config show`.

The standard library reads TOML and does not write it. This writes what settings hold: text, numbers, switches, days,
paths, lists and small tables. What comes out, `tomllib` reads back to the same value.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_value(value: Any) -> str:
    """Write `value` on one line.

    >>> toml_value({"click": 0.1, "add to cart": [1, True]})
    '{ click = 0.1, "add to cart" = [1, true] }'
    """
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return toml_value(value.value)
        case int() | float():
            return repr(value)
        case str() | PurePath():
            return _text(str(value))
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case Mapping():
            pairs = ", ".join(f"{toml_key(name)} = {toml_value(inner)}" for name, inner in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list() | tuple() | set() | frozenset():
            return f"[{', '.join(toml_value(inner) for inner in value)}]"
        case _:
            raise TypeError(f"{type(value).__name__} has no form in TOML")


def toml_key(name: str) -> str:
    """Write one part of a key, quoted where it must be."""
    return name if BARE_KEY.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
