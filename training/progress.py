"""How long-running work says where it is.

Training reports to a `Progress`; the command line draws bars, tests stay silent.
Work knows nothing about terminals, and a terminal knows nothing about the work::

    with progress.step("fit factors", total=15) as step:
        fit(..., on_iteration=step.advance)
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Step(Protocol):
    """One piece of work that is under way."""

    def advance(self, amount: int = 1) -> None:
        """Say that `amount` more of the total is done."""

    def note(self, text: str) -> None:
        """Say in a few words what came of it, such as "1,469,307 rows"."""


class Progress(Protocol):
    """Something that follows the work step by step."""

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
        """Enter a step called `name` that has `total` parts, if that is known."""

    def message(self, text: str) -> None:
        """Say one sentence that stays."""


class SilentStep:
    """A step nobody watches."""

    def advance(self, amount: int = 1) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""


class SilentProgress:
    """A progress nobody watches: for tests and libraries."""

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
        """Return a step that ignores everything."""
        del name, total
        return nullcontext(SilentStep())

    def message(self, text: str) -> None:
        """Do nothing."""
