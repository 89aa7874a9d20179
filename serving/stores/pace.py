"""How fast a million records may go into a store that others read from.

After every few commands somebody else's `PING` is timed. It waits behind the last of them, as any reader that came at
that moment does. If it waited too long, the writer pauses; the pause doubles while that goes on, and halves when it is
over.
"""

from __future__ import annotations

from collections.abc import Sequence

FIRST_PAUSE_SECONDS = 0.001
MAX_PAUSE_SECONDS = 0.008
"""However busy the store is, a million records are in within a minute."""


class Pace:
    """Says how long to pause so that others wait at most `delay_seconds` longer than when nothing is written."""

    def __init__(self, quiet: Sequence[float], *, delay_seconds: float) -> None:
        ordered = sorted(quiet)
        self._bound = ordered[len(ordered) // 2] + delay_seconds
        self._pause = 0.0

    def pause_after(self, waited_seconds: float) -> float:
        """Return the seconds to pause after others have waited so long.

        >>> pace = Pace([0.001, 0.001, 0.003], delay_seconds=0.001)
        >>> [pace.pause_after(seconds) for seconds in (0.001, 0.003, 0.003, 0.001, 0.001)]
        [0.0, 0.001, 0.002, 0.001, 0.0]
        """
        if waited_seconds > self._bound:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), MAX_PAUSE_SECONDS)
        else:
            self._pause = self._pause / 2 if self._pause > FIRST_PAUSE_SECONDS else 0.0
        return self._pause
