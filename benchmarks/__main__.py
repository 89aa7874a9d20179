"""``python -m benchmarks [name…]``: run benchmarks, print their tables and keep their figures.

``QUICK=1`` runs a shorter form, whose figures are kept apart; ``--docs`` renews the tables of docs/benchmarks.md and
docs/loyalty.md. The exit status is 1 if a goal is not kept, 0 otherwise: a benchmark that cannot run here is skipped
with its reason.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from rich.console import Console

from benchmarks import page, results
from benchmarks.command_line import CommandLine
from benchmarks.machine import describe_machine
from benchmarks.results import Results, Row, Skipped

NAMES = (
    "access",
    "cli_start",
    "coupons",
    "loyalty",
    "als",
    "pipeline",
    "cold_path",
    "publish",
    "user_reads",
    "campaign",
    "loop",
    "serving",
    "widget",
)
"""One module each, cheapest first."""


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
    command = CommandLine(
        "benchmarks", "Measure Regulars beside named peers.", noun="benchmark", page="docs/benchmarks.md"
    )
    return command.main(arguments, NAMES, run, page.write)


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
