"""`regulars config`: is the configuration right, and what does it come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

if TYPE_CHECKING:
    from regulars.config import Setting

app = typer.Typer(help="Check the configuration, or show what it comes to.", no_args_is_help=True)


@app.command(epilog=examples("regulars config check", "regulars config check --config shop.toml"))
def check(config: ConfigPath = DEFAULT_CONFIG, set_: Overrides = None) -> None:
    """Say whether every key and value is right; exit with 2 if not.

    Looks at the file, at variables such as REGULARS_ALS_FACTORS, and at --set.
    Every mistake is named with its place.
    """
    from regulars.terminal import say

    changed = sum(setting.origin is not None for setting in configuration(config, set_).settings())
    say(f"{config} is right: {changed} settings, the others have their defaults.")


@app.command(epilog=examples("regulars config show", "REGULARS_ALS_FACTORS=128 regulars config show --json"))
def show(config: ConfigPath = DEFAULT_CONFIG, set_: Overrides = None, json: AsJson = False) -> None:
    """Print every setting with its value, and who set it unless it is the default.

    What comes out is TOML again. Passwords and other secrets are masked.
    """
    from regulars.terminal import write

    settings = configuration(config, set_).settings()
    write(_as_json(settings) if json else _as_toml(settings))


def _as_json(settings: list[Setting]) -> str:
    import json

    rows = {s.key.dotted: {"value": s.value, "origin": s.origin or "default"} for s in settings}
    return json.dumps(rows, indent=2, ensure_ascii=False, default=str)


def _as_toml(settings: list[Setting]) -> str:
    from itertools import groupby

    from regulars.toml_text import toml_value

    blocks = []
    for table, inside in groupby(settings, key=lambda setting: setting.key.path[:-1]):
        lines = [f"[{'.'.join(table)}]"]
        for setting in inside:
            name = setting.key.path[-1]
            line = f"# {name} is not set" if setting.value is None else f"{name} = {toml_value(setting.value)}"
            lines.append(line if setting.origin is None else f"{line}  # {setting.origin}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)
