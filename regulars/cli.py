"""The command `regulars`.

Commands import what they need when they run: `regulars --help` loads neither numpy nor polars nor fastapi.

Exit codes: 0 it worked; 1 it did not; 2 the command, the configuration or the data is wrong; 3 the gate refused a
version; 130 stopped by Ctrl-C. A refusal is one message on standard error; a traceback is a bug of ours.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from recommender.errors import RecommenderError
from regulars.commands import (
    campaign,
    compare,
    config,
    demo,
    evaluate,
    experiments,
    export_user,
    forget,
    gate,
    keys,
    personalization,
    publish,
    report,
    rollback,
    serve,
    traffic,
    train,
    tune,
    versions,
    withdraw,
)
from regulars.commands.options import examples, flowing

INTERRUPTED = 130

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Our matrix products are small: spread over threads, each takes longer and keeps every core busy. Read when numpy is
imported, and handed down to worker processes."""

app = typer.Typer(
    name="regulars",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
"""Pretty tracebacks are off: they print the values of variables, and some of ours are passwords."""

for command in (
    *(train, evaluate, tune, compare, gate, report, publish, withdraw, rollback, serve, traffic, demo),
    *(personalization, forget, export_user),
):
    name = command.__name__.rpartition(".")[2].replace("_", "-")
    app.command(name, epilog=command.EXAMPLES)(command.run)
app.add_typer(campaign.app, name="campaign")
app.add_typer(versions.app, name="versions")
app.add_typer(config.app, name="config")
app.add_typer(keys.app, name="keys")
app.add_typer(experiments.app, name="experiments")


def _print_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"regulars {version('regulars')}")
        raise typer.Exit


@app.callback(
    epilog=examples(
        "regulars train",
        "regulars evaluate",
        "regulars publish",
        "regulars serve",
        "regulars campaign export -g at_risk",
    )
)
def regulars(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version of this program.",
            is_eager=True,
            callback=lambda wanted: _print_version(wanted=wanted),
        ),
    ] = False,
) -> None:
    """Recommend products so that customers come back.

    Train on a purchase log, look at the report, publish, serve. The settings are in regulars.toml.
    """


flowing(app)


def main(args: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    for variable in ONE_THREAD:
        os.environ.setdefault(variable, "1")
    try:
        app(args=None if args is None else list(args))
    except RecommenderError as error:
        return _refuse(str(error), error.exit_code)
    except OSError as error:
        return _refuse(_os_problem(error), RecommenderError.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            return _refuse("Stopped.", INTERRUPTED)
        return end.code if isinstance(end.code, int) else 0
    return 0


def _os_problem(error: OSError) -> str:
    """Say what the system refused, where, and what to do if a disk is full."""
    where = "" if error.filename is None else f"{error.filename}: "
    what = error.strerror or str(error) or type(error).__name__
    is_full = error.errno in {errno.ENOSPC, errno.EDQUOT} or "No space left" in what
    if is_full:
        return f"{where}{what}; make room on that disk, then run the command again"
    if error.errno == errno.EFBIG or what.endswith(" written"):  # numpy's words for half a file
        return f"{where}the file could not be written whole ({what}); is the disk full, or `ulimit -f` low?"
    return f"{where}{what}"


def _refuse(message: str, code: int) -> int:
    from regulars.terminal import printable

    print(printable(message), file=sys.stderr)  # noqa: T201  works however broken the terminal is
    return code
