"""Where long-running work is, on standard error.

`TerminalProgress` is the command line's side of `training.progress.Progress`. On a terminal the step under way is a
bar that gives way to one line once it is done; in a log file there are only the lines, and for a long step with a
known total now and then how far it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from regulars.terminal import notes, plain

LOG_EVERY_SECONDS = 10.0
"""Between two lines of the same step where there is no terminal to draw on."""


class TerminalStep:
    """A step that is drawn or logged while it is under way."""

    def __init__(self, bars: Progress, name: str, total: int | None) -> None:
        self._bars = bars
        self._name = name
        self._task = bars.add_task(name, total=total)
        self._total = total
        self._done = 0
        self._next_line = time.monotonic() + LOG_EVERY_SECONDS
        self.outcome = ""

    def advance(self, amount: int = 1) -> None:
        """Move the bar by `amount`."""
        self._done += amount
        self._bars.advance(self._task, amount)
        if self._total and not self._bars.console.is_terminal and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LOG_EVERY_SECONDS
            self._bars.console.print(plain(f"  {self._name}: {self._done / self._total:.0%}"), soft_wrap=True)

    def note(self, text: str) -> None:
        """Keep `text` for the line that stays."""
        self.outcome = text

    def close(self) -> None:
        """Take the bar away."""
        self._bars.remove_task(self._task)


class TerminalProgress:
    """Bars on a terminal, lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = notes() if console is None else console
        self._bars: Progress | None = None

    @contextmanager
    def step(self, name: str, *, total: int | None = None) -> Iterator[TerminalStep]:
        """Draw a step called `name`; steps inside it are drawn below it."""
        start = time.monotonic()
        with self._drawing() as bars:
            step = TerminalStep(bars, name, total)
            try:
                yield step
            except BaseException:
                self._line("✗", name, "", time.monotonic() - start, style="red")
                raise
            finally:
                step.close()
        self._line("✓", name, step.outcome, time.monotonic() - start, style="green")

    def message(self, text: str) -> None:
        """Print one sentence that stays."""
        self._console.print(plain(f"  {text}"), soft_wrap=True)

    @contextmanager
    def _drawing(self) -> Iterator[Progress]:
        """Draw bars from the outermost step's beginning to its end."""
        if self._bars is not None:
            yield self._bars
            return
        with _bars(self._console) as bars:
            self._bars = bars
            try:
                yield bars
            finally:
                self._bars = None

    def _line(self, mark: str, name: str, outcome: str, seconds: float, *, style: str) -> None:
        if self._console.options.ascii_only:
            mark = {"✓": "+", "✗": "x"}[mark]
        details = ", ".join(part for part in (outcome, f"{seconds:.1f} s") if part)
        line = Text.assemble((mark, style), " ", plain(name), "  ", plain(details, style="dim"))
        self._console.print(line, soft_wrap=True)


def _bars(console: Console) -> Progress:
    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
