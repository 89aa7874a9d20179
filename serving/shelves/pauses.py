"""Leaving time for others: what is nice to have is computed only now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

REST = 4.0
"""Rest after each piece of work, in times of what the work took: a fifth of the time is spent on it at most."""


class Pauses:
    """Says whether something may be computed, given when something was last."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._started: float | None = None
        self._rested_at = 0.0

    def may_compute(self) -> bool:
        """Say whether to begin, and take note of it; each True must be followed by `computed`."""
        now = self._monotonic()
        if self._started is not None or now < self._rested_at:
            return False
        self._started = now
        return True

    def computed(self) -> None:
        """Say that what was begun is done."""
        assert self._started is not None
        now = self._monotonic()
        self._rested_at = now + REST * (now - self._started)
        self._started = None
