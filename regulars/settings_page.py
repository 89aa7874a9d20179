"""docs/settings.md, made from the settings themselves: ``python -m regulars.settings_page > docs/settings.md``.

A key, its default, what it takes and what it means are all read off the models that the program validates with, so the
page cannot say anything else than the program does. A test holds the committed page against this one.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from regulars.config import KEYS
from regulars.setting_keys import NAME, Key, model_of
from regulars.toml_text import toml_value
from serving.settings import AppSettings
from training.settings import TrainingSettings

INTRODUCTION = """\
# Settings

This page is made from the program: `python -m regulars.settings_page > docs/settings.md`.

Settings come from three places; the later one wins.

1. The file `regulars.toml` in the current folder, or the one that `--config FILE` or `REGULARS_CONFIG` names.
2. Environment variables: `REGULARS_`, the section, the key, joined by `_` in capitals: `als.factors` is
   `REGULARS_ALS_FACTORS`, `purchases.columns.user` is `REGULARS_PURCHASES_COLUMNS_USER`. Passwords belong here.
3. `--set als.factors=128` on the command line, as often as you like. `make` passes them on:
   `make train FACTORS=128 SET="als.iterations=30 blend.window_days=14"`.

Sections with a name of yours, such as `[experiments.holdout]`, are for the file and `--set`.

Values from the environment and from `--set` are written as in TOML (`0.5`, `true`, `["a", "b"]`); text needs no quotes.
`regulars config check` names every mistake with its place; `regulars config show` prints what the settings come to and
who set each of them. An unknown key is an error and never ignored.

"Not set" means that the key is left out. Relative paths begin at the folder of the configuration file.
"""

_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
_FORMATS = {"date": "day", "path": "path"}
_LIMITS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}

Schema = Mapping[str, Any]


def settings_page() -> str:
    """Return the page as Markdown."""
    sections = (_section(path, list(keys)) for path, keys in itertools.groupby(KEYS, key=lambda key: key.path[:-1]))
    return "\n".join([INTRODUCTION, *sections])


def _section(path: tuple[str, ...], keys: list[Key]) -> str:
    model, properties = _model(path), _model(path).model_json_schema()["properties"]
    lines = [f"## [{'.'.join(path)}]", "", *_purpose(model), "| key | default | takes | meaning |", "|---|---|---|---|"]
    for key in keys:
        takes = ", ".join(_takes(properties[key.path[-1]]))
        lines.append(f"| `{key.dotted}` | {_default(key)} | {_cell(takes)} | {_cell(key.description)} |")
    return "\n".join([*lines, ""])


def _model(path: tuple[str, ...]) -> type[BaseModel]:
    """Return the settings model of a section."""
    model: type[BaseModel] = TrainingSettings if path[0] in TrainingSettings.model_fields else AppSettings
    for name in path:
        if name != NAME:
            model = model_of(model.model_fields[name].annotation)
    return model


def _purpose(model: type[BaseModel]) -> list[str]:
    return [" ".join(model.__doc__.split()), ""] if model.__doc__ else []


def _default(key: Key) -> str:
    return "not set" if key.default is None else f"`{_cell(toml_value(key.default))}`"


def _takes(schema: Schema) -> Iterator[str]:
    """Say in words what a value may be."""
    if "anyOf" in schema:
        yield from (word for kind in schema["anyOf"] if kind.get("type") != "null" for word in _takes(kind))
        return
    if "enum" in schema:
        yield " or ".join(f"`{toml_value(choice)}`" for choice in schema["enum"])
    elif schema["type"] == "array":
        yield f"list, each {_plain(schema['items'])}"
    elif schema["type"] == "object":
        yield f"table: name = {_plain(schema['additionalProperties'])}"
    else:
        yield _plain(schema)
    yield from (f"{words} {schema[limit]:,}" for limit, words in _LIMITS.items() if limit in schema)
    if schema.get("minLength") == schema.get("maxLength") == 1:
        yield "one character"


def _plain(schema: Schema) -> str:
    if schema.get("type") == "array":
        return f"list, each {_plain(schema['items'])}"
    return _FORMATS.get(schema.get("format", ""), _WORDS.get(schema.get("type", ""), "value"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(settings_page())
