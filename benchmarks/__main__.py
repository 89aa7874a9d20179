"""``python -m benchmarks [name…]``: run benchmarks, print their tables and keep their figures.

``QUICK=1`` runs a shorter form, whose figures are kept apart; ``--docs`` renews the tables of docs/benchmarks.md.
The exit status is 1 if a goal is not kept, 0 otherwise: a benchmark that cannot run here is skipped with its reason.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from rich.console import Console

from benchmarks import page, results
from benchmarks.machine import describe_machine
from benchmarks.results import Results, Row, Skipped

NAMES = ("access", "cli_start", "als", "pipeline", "cold_path", "publish", "user_reads", "serving", "widget")
"""One module each, cheapest first."""
LOG_WIDTH = 120
"""Columns of a table where there is no terminal."""


class Benchmark(Protocol):
    """A module of this package that measures one claim."""

    def measure(self, *, quick: bool) -> list[Row]:
        """Measure and return the figures.

        Raises
        ------
        Skipped
            If something it needs is not here.
        """
        ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Regulars beside named peers.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(NAMES)}; all without any")
    parser.add_argument("--docs", action="store_true", help="renew docs/benchmarks.md from the kept figures and stop")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(NAMES)):
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if options.docs:
        page.write()
        return 0
    quick = os.environ.get("QUICK", "") not in {"", "0"}
    console = Console(width=None if sys.stdout.isatty() else LOG_WIDTH)
    kept = [run(name, quick=quick, console=console) for name in options.names or NAMES]
    return 0 if all(kept) else 1


def run(name: str, *, quick: bool, console: Console) -> bool:
    """Run one benchmark, and say whether every goal was kept."""
    benchmark = cast(Benchmark, importlib.import_module(f"benchmarks.{name}"))
    console.print(f"[bold]{name}[/bold]: measuring{' in short form' if quick else ''} …")
    try:
        rows = benchmark.measure(quick=quick)
    except Skipped as reason:
        console.print(f"{name}: skipped, {reason}")
        return True
    found = Results(describe_machine(), tuple(rows))
    results.show(name, found.rows, console)
    path = results.save(name, found, results.QUICK_FOLDER if quick else results.FOLDER)
    console.print(f"kept in {os.path.relpath(path)}\n")
    return not found.broken


if __name__ == "__main__":
    sys.exit(main())
