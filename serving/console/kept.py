"""Results that are kept for a while: who asks meanwhile gets them, and waits for the one who asked first.

Nobody's name is in them: what is about one customer is not kept.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

import anyio

KEEP_SECONDS = 60.0
MAX_RESULTS = 50

T = TypeVar("T")


class Kept:
    """Remembers results by name."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._results: dict[Hashable, tuple[float, Any]] = {}
        self._making: dict[Hashable, anyio.Lock] = {}

    async def get(self, name: Hashable, make: Callable[[], Awaitable[T]], *, seconds: float = KEEP_SECONDS) -> T:
        """Return the result called `name`, made now unless a young one is there."""
        async with self._making.setdefault(name, anyio.Lock()):
            found = self._results.get(name)
            if found is not None and self._monotonic() - found[0] < seconds:
                kept: T = found[1]
                return kept
            made = await make()
            if len(self._results) >= MAX_RESULTS:
                self._results.clear()
                self._making = {name: self._making[name]}
            self._results[name] = (self._monotonic(), made)
            return made
