"""Whether a server is there, as all that talk to it have seen it: one breaker, one line in the log per change."""

from __future__ import annotations

import logging

from serving.stores.breaker import Breaker, BreakerState

_log = logging.getLogger(__name__)


class Presence:
    """Told of every failure and of signs of life."""

    def __init__(self, where: str, breaker: Breaker | None = None) -> None:
        self.where = where
        self.breaker = breaker or Breaker()
        self._away = False

    def succeeded(self) -> None:
        """Note that the server answered."""
        self.breaker.succeeded()
        if self._away:
            self._away = False
            _log.warning("Redis at %s is back", self.where)

    def failed(self, reason: str) -> None:
        """Note that it did not; say once that it is away, and not with every request that finds it so."""
        self.breaker.failed()
        if not self._away and self.breaker.state is not BreakerState.CLOSED:
            self._away = True
            _log.warning("Redis at %s is away (%s); slates are computed, events go to files", self.where, told(reason))


def told(reason: str) -> str:
    """Return a reason without the arguments that Redis quotes in some of its errors: they may name people."""
    return reason.partition(", with args")[0]
