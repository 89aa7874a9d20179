"""``python -m benchmarks.faults [name…]``: try faults, print what came of each with a verdict, and keep the figures.

``QUICK=1`` tries less, in at most five minutes, and keeps its figures apart; ``--docs`` renews the tables of
docs/faults.md. Figures of faults that were not asked for stay as they are. The exit status is 1 if a goal is broken.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Sequence
from typing import Protocol, cast

from rich.console import Console

from benchmarks import results
from benchmarks.command_line import CommandLine
from benchmarks.faults import page
from benchmarks.machine import describe_machine
from benchmarks.results import Results, Row, Skipped

NAME = "faults"
NAMES = (
    *("redis_killed", "redis_troubled", "redis_absent", "publisher_killed", "corrupted_artifacts"),
    *("out_of_memory", "events_kept", "rolling_restart", "overload", "disk_full", "embedded_store", "soak"),
)
"""One module each."""


class Fault(Protocol):
    """A module of this package that tries one fault."""

    FAULT: str
    """What breaks, as the issue's table and the docs call it."""

    def measure(self, *, quick: bool) -> list[Row]:
        """Try it and return the figures.

        Raises
        ------
        Skipped
            If it cannot be tried here.
        """
        ...


def fault_of(name: str) -> Fault:
    """Return the module called `name`."""
    return cast(Fault, importlib.import_module(f"benchmarks.faults.{name}"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what was asked for and return the exit status."""
    command = CommandLine("benchmarks.faults", "Try what breaks.", noun="fault", page="docs/faults.md")
    return command.main(arguments, NAMES, run, page.write)


def run(name: str, *, quick: bool, console: Console) -> bool:
    """Try one fault, keep its figures beside those of the others, and say whether every goal was kept."""
    fault = fault_of(name)
    console.print(f"[bold]{fault.FAULT}[/bold]: trying{' in short form' if quick else ''} …")
    start = time.monotonic()
    try:
        rows = fault.measure(quick=quick)
    except Skipped as reason:
        console.print(f"skipped: {reason}\n")
        return True
    results.show(fault.FAULT, rows, console)
    broken = sum(row.holds is False for row in rows)
    verdict = f"[red]{broken} of its goals broken[/red]" if broken else "[green]holds[/green]"
    console.print(f"{verdict}, {time.monotonic() - start:.0f} s\n")
    keep(fault.FAULT, rows, quick=quick)
    return not broken


def keep(fault: str, rows: Sequence[Row], *, quick: bool) -> None:
    """Write the rows of one fault into the file, in the order in which faults are tried."""
    folder = results.QUICK_FOLDER if quick else results.FOLDER
    before = results.load(NAME, folder)
    kept = {} if before is None else page.by_fault(before.rows)
    kept[fault] = tuple(rows)
    order = [fault_of(name).FAULT for name in NAMES]
    everything = [page.named(key, row) for key in order if key in kept for row in kept[key]]
    results.save(NAME, Results(describe_machine(), tuple(everything)), folder)


if __name__ == "__main__":
    sys.exit(main())
