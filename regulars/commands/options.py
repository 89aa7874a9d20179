"""The options that commands share, and how their help is laid out."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.models import CommandInfo, TyperInfo

if TYPE_CHECKING:
    from regulars.config import Config

ConfigPath = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", envvar="REGULARS_CONFIG", help="The configuration to use."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="KEY=VALUE",
        help="Change a setting for this run, such as als.factors=128. May be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

DEFAULT_CONFIG = Path("regulars.toml")


def flowing(app: typer.Typer) -> None:
    """Let the help of every command fill the terminal, wherever the lines of its docstring end."""
    called: list[CommandInfo | TyperInfo] = [*app.registered_commands]
    called += [app.registered_callback] if app.registered_callback else []
    for info in called:
        paragraphs = inspect.cleandoc(getattr(info.callback, "__doc__", None) or "").split("\n\n")
        info.help = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            flowing(group.typer_instance)


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
