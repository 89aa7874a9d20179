"""When this process last heard of a change of stock, price or description."""

from __future__ import annotations

import time
from collections.abc import Callable

START_SECONDS = 10.0
"""What is heard so soon after the start was told to others before, nobody here knows when."""


class StockWatch:
    """Is told by the live catalogue."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._started = monotonic()
        self._heard: float | None = None
        self.changes = 0
        """Items changed, each as often as it was."""

    def item_changed(self, item_id: str) -> None:  # noqa: ARG002  the protocol's parameter
        """Note that an item changed."""
        self.changes += 1
        self._heard = self._monotonic()

    @property
    def seconds_ago(self) -> float | None:
        """How long ago the last change was heard of; None if that was never, or before this process started."""
        if self._heard is None or self._heard - self._started < START_SECONDS:
            return None
        return self._monotonic() - self._heard
