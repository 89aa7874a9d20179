"""``python -m benchmarks.quality [data…]``: measure the rankings on public data and keep the figures.

``BENCH_DATA`` names the folder with one sub-folder per data set; ``QUICK=1`` runs a short form, whose figures are
kept apart; ``--docs`` renews the tables of docs/quality.md. The exit status is 1 if a figure is not above its
floor, 2 if data is missing, 0 otherwise.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from rich.console import Console

from benchmarks.quality import page, scoreboard, summary
from benchmarks.quality.scoreboard import MissingData, Result
from recommender.errors import RecommenderError
from regulars.progress import TerminalProgress
from training.progress import Progress

DATA = ("complete_journey", "tafeng", "gowalla", "amazon_cds")
"""One module each."""
DEFAULT_FOLDER = "../shared/data"
SEED = 42
LOG_WIDTH = 120
"""Columns of a table where there is no terminal."""


class QualityBenchmark(Protocol):
    """A module of this package that measures one data set."""

    def measure(self, folder: Path, *, seed: int, quick: bool, progress: Progress) -> Result:
        """Train, rank and measure; `folder` holds the files of this data set.

        Raises
        ------
        MissingData, BrokenData
            If a file is not there, or holds something else.
        """
        ...

    def check(self, folder: Path) -> None:
        """Raise what `measure` would raise about the files in `folder`."""
        ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description="Measure Regulars' rankings beside published figures."
    )
    parser.add_argument("data", nargs="*", help=f"one of {', '.join(DATA)}; all without any")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of everything random, {SEED} unless given")
    parser.add_argument(
        "--docs",
        action="store_true",
        help="renew the tables of docs/quality.md and README.md from the kept figures and stop",
    )
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.data) - set(DATA)):
        parser.error(f"no data set is called {', '.join(unknown)}; there are {', '.join(DATA)}")
    if options.docs:
        page.write()
        summary.write()
        return 0
    chosen = options.data or DATA
    return check(chosen) or max(run(data, seed=options.seed) for data in chosen)


def check(chosen: Sequence[str]) -> int:
    """Say which files are missing or broken, before the first of the long runs, and return the exit status."""
    status = 0
    for data in chosen:
        try:
            _benchmark(data).check(data_folder() / data)
        except RecommenderError as error:
            print(f"{data}: {error}", file=sys.stderr)
            status = max(status, error.exit_code)
    if status and len(chosen) > 1:
        print("nothing was measured; name the data sets that are there to measure those alone", file=sys.stderr)
    return status


def run(data: str, *, seed: int) -> int:
    """Measure one data set, keep and print its figures, and return the exit status."""
    quick = os.environ.get("QUICK", "") not in {"", "0"}
    console = Console(width=None if sys.stdout.isatty() else LOG_WIDTH)
    console.print(f"[bold]{data}[/bold]: measuring{' in short form' if quick else ''} …")
    try:
        result = _benchmark(data).measure(data_folder() / data, seed=seed, quick=quick, progress=TerminalProgress())
    except RecommenderError as error:
        print(f"{data}: {error}", file=sys.stderr)
        return error.exit_code
    scoreboard.show(result, console)
    path = scoreboard.path_of(data, quick=quick)
    scoreboard.write(result, path)
    console.print(f"kept in {os.path.relpath(path)}\n")
    return 0 if result.holds else 1


def data_folder() -> Path:
    """Return the folder with one sub-folder per data set."""
    return Path(os.environ.get("BENCH_DATA") or DEFAULT_FOLDER)


def _benchmark(data: str) -> QualityBenchmark:
    try:
        return cast(QualityBenchmark, importlib.import_module(f"benchmarks.quality.{data}"))
    except ModuleNotFoundError as error:
        raise MissingData(
            f"{data} cannot be measured: {error}; make setup installs what the benchmarks need"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
