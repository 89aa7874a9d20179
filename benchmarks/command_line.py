"""What the commands of these packages share: names to choose from, ``QUICK=1``, ``--docs``, and the exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console

LOG_WIDTH = 120
"""Columns of a table where there is no terminal."""


class Run(Protocol):
    """What a command does for one name."""

    def __call__(self, name: str, *, quick: bool, console: Console) -> bool:
        """Measure, print and keep the figures; say whether every goal was kept."""
        ...


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The words of one command."""

    package: str
    """What follows ``python -m``."""
    description: str
    noun: str
    """What a name stands for."""
    page: str
    """The page that ``--docs`` renews."""

    def main(
        self,
        arguments: Sequence[str] | None,
        names: Sequence[str],
        run: Run,
        write_page: Callable[[], None],
    ) -> int:
        """Run what was asked for, and return the exit status: 1 if a run says that a goal is broken.

        Parameters
        ----------
        arguments
            Those of the process if None.
        names
            What may be asked for; all of it without any.
        run
            Called for each name, one after the other.
        write_page
            Renews the page.
        """
        parser = argparse.ArgumentParser(prog=f"python -m {self.package}", description=self.description)
        parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(names)}; all without any")
        parser.add_argument("--docs", action="store_true", help=f"renew {self.page} from the kept figures and stop")
        options = parser.parse_args(arguments)
        if unknown := sorted(set(options.names) - set(names)):
            parser.error(f"no {self.noun} is called {', '.join(unknown)}; there are {', '.join(names)}")
        if options.docs:
            write_page()
            return 0
        quick = os.environ.get("QUICK", "") not in {"", "0"}
        console = Console(width=None if sys.stdout.isatty() else LOG_WIDTH)
        kept = [run(name, quick=quick, console=console) for name in options.names or names]
        return 0 if all(kept) else 1
