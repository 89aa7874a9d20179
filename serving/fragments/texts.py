"""The widget's own words, for those who draw shelves elsewhere: one source, `serving/web/widget.messages.js`.

That module holds one object literal of texts and nothing that computes. It is read here as the JSON it nearly is: bare
names are put into quotes, comments and commas before a closing bracket are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import orjson

from serving import web

FILE = "widget.messages.js"
FALLBACK = "en"

_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*") | (?P<comment>//[^\n]*|/\*.*?\*/) | (?P<name>[A-Za-z_$][\w$]*)
    | (?P<comma>,)(?=(?:\s|//[^\n]*|/\*.*?\*/)*[}\]]) | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_VALUE = re.compile(r"\{(\w+)\}")


@cache
def messages() -> Mapping[str, Mapping[str, str]]:
    """Return the texts of every language by their keys, as the widget has them."""
    module = files(web.__name__).joinpath(FILE).read_text(encoding="utf-8")
    texts: dict[str, dict[str, str]] = orjson.loads(as_json(literal(module)))
    return texts


def language_of(tag: str) -> str:
    """Return the language that speaks for a tag such as ``zh-Hant-TW``: its own, or English."""
    primary = tag.lower().partition("-")[0]
    return primary if primary in messages() else FALLBACK


def say(language: str, key: str, values: Mapping[str, str | None]) -> str | None:
    """Return a text with its values in it; nothing if there is no such text, None if one of its values is missing."""
    text = messages()[language].get(key) or messages()[FALLBACK].get(key, "")
    if not all(values.get(name) for name in _VALUE.findall(text)):
        return None
    return _VALUE.sub(lambda found: values[found[1]] or "", text)


def literal(module: str) -> str:
    """Return the object that a module of texts exports, as it is written there."""
    return module[module.index("=", module.index("export const MESSAGES")) + 1 :].strip().removesuffix(";")


def as_json(written: str) -> str:
    """Return an object literal of texts as JSON.

    >>> as_json('{ add: "Add", /* why */ "bought-together": "With it, often", }')
    '{ "add": "Add",  "bought-together": "With it, often" }'
    """
    return _TOKEN.sub(_json_token, written)


def _json_token(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "comment" | "comma":
            return ""
        case "name":
            return f'"{found[0]}"'
        case _:
            return found[0]
