"""A circuit breaker: a store that is away costs a request nothing.

Closed, calls pass. After a few failures in a row it opens, and calls are refused at once. When the pause is over,
one call may try (half-open): success closes the breaker, failure opens it for twice as long, up to a limit.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable

MAX_PAUSE_SECONDS = 0.5
"""A try costs one caller its timeout; a longer pause would keep slates less than usual after the store is back."""


class BreakerState(enum.IntEnum):
    """The numbers are what the metric shows."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Counts failures in a row and says whether a call may be tried."""

    def __init__(
        self,
        *,
        threshold: int = 3,
        pause_seconds: float = 0.25,
        max_pause_seconds: float = MAX_PAUSE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold = threshold
        self._first_pause = pause_seconds
        self._max_pause = max_pause_seconds
        self._monotonic = monotonic
        self._failures = 0
        self._pause = pause_seconds
        self._open_until: float | None = None
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """Where the breaker stands now."""
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._monotonic() < self._open_until else BreakerState.HALF_OPEN

    def permit(self) -> bool:
        """Say whether a call may be tried; each True must be followed by one of the three reports."""
        match self.state:
            case BreakerState.CLOSED:
                return True
            case BreakerState.OPEN:
                return False
            case BreakerState.HALF_OPEN:
                first, self._probing = not self._probing, True
                return first

    def succeeded(self) -> None:
        """Report that a call was answered."""
        self._failures = 0
        self._pause = self._first_pause
        self._open_until = None
        self._probing = False

    def failed(self) -> None:
        """Report that a call was not answered."""
        self._failures += 1
        if self._probing or (self._failures >= self._threshold and self._open_until is None):
            self._open_until = self._monotonic() + self._pause
            self._pause = min(self._pause * 2, self._max_pause)
        self._probing = False

    def abandoned(self) -> None:
        """Report that a call was given up before it was answered, which says nothing about the store."""
        self._probing = False
