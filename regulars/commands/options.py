"""The options that commands share, and how their help is laid out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from regulars.config import Config

ConfigPath = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", envvar="REGULARS_CONFIG", help="The configuration to use."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Set als.factors=128 for this run. May be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

DEFAULT_CONFIG = Path("regulars.toml")


def examples(*lines: str) -> str:
    """Return the end of a command's help page."""
    return "\n".join(["[bold]Examples[/bold]", "", *(f"  {line}" for line in lines)])


def configuration(path: Path, overrides: list[str] | None) -> Config:
    """Read the configuration a command was called with.

    Raises
    ------
    ConfigError
        If the file cannot be read, or any key or value is wrong.
    """
    import os

    from regulars.config import load
    from regulars.hints import CONFIG

    CONFIG.set(path)
    return load(path, overrides=overrides or (), environ=os.environ)
