"""How long this process waits for what clients have begun to send, and that it waits less once it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator


class Patience:
    """The end of every wait for a body.

    Parameters
    ----------
    seconds
        For one body to arrive whole.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = math.inf
        self._waits: set[asyncio.Timeout] = set()

    def deadline(self) -> float:
        """Return until when a body may arrive whose request came now, on the clock of the event loop."""
        return asyncio.get_running_loop().time() + self._seconds

    @contextlib.asynccontextmanager
    async def until(self, deadline: float) -> AsyncIterator[None]:
        """Wait for the block until `deadline`, or until the last moment if that comes first.

        Raises
        ------
        TimeoutError
            If it takes longer.
        """
        async with asyncio.timeout_at(min(deadline, self._end)) as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)

    def end_in(self, seconds: float) -> None:
        """Wait no longer than that for anything that has begun or begins."""
        self._end = asyncio.get_running_loop().time() + seconds
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(min(self._end, wait.when() or self._end))
