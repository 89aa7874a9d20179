"""Effects that slates are owed: of events that are safe, while Redis was too slow or away when they came.

They are told a moment later, as soon as Redis answers; telling again what was told already adds nothing, so a reply
that came too late does no harm. A process that dies takes what it owes along: those events count with the next
training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recommender.errors import StoreUnavailable
from serving.erasures import Erasures
from serving.metrics import Metrics
from serving.stores import SlateStore

MAX_VISITORS = 10_000
"""Owed to so many; those who wait longest are given up, and hear of their events from the spools or from training."""
BATCH = 500


class Owed:
    """Tells slates what visitors did, now or later."""

    def __init__(self, slates: SlateStore, erasures: Erasures, metrics: Metrics) -> None:
        self._slates = slates
        self._erasures = erasures
        self._metrics = metrics
        self._waiting: dict[str, list[bytes]] = {}
        self._merges: dict[str, str] = {}

    async def tell(self, by_visitor: Mapping[str, Sequence[bytes]]) -> None:
        """Let slates know of new events (oldest first), or owe it to them."""
        try:
            await self._slates.remember(by_visitor)
        except StoreUnavailable:
            self._metrics.store_errors.labels("fresh").inc()
            self.owe(by_visitor)

    async def merge(self, anonymous_id: str, user_id: str) -> int:
        """Join a guest to a user, or owe it; return how many events were moved at once."""
        try:
            return await self._slates.merge(anonymous_id, user_id)
        except StoreUnavailable:
            self._metrics.store_errors.labels("merge").inc()
            self._merges[anonymous_id] = user_id
            _cap(self._merges)
            return 0

    def owe(self, by_visitor: Mapping[str, Sequence[bytes]]) -> None:
        """Tell it later."""
        for name, events in by_visitor.items():
            self._waiting[name] = [*self._waiting.pop(name, ()), *events]
        _cap(self._waiting)

    async def pay(self) -> None:
        """Tell what is owed, if Redis answers."""
        try:
            for anonymous_id, user_id in list(self._merges.items()):
                if user_id not in self._erasures:
                    await self._slates.merge(anonymous_id, user_id)
                if self._merges.get(anonymous_id) == user_id:
                    del self._merges[anonymous_id]
            while self._waiting:
                await self._tell_some()
        except StoreUnavailable:
            return

    async def _tell_some(self) -> None:
        telling = {name: self._waiting.pop(name) for name in list(self._waiting)[:BATCH]}
        try:
            welcome = {name: events for name, events in telling.items() if name not in self._erasures}
            await self._slates.remember(welcome, again=True)
        except StoreUnavailable:
            later, self._waiting = self._waiting, telling
            self.owe(later)
            raise


def _cap(waiting: dict[str, list[bytes]] | dict[str, str]) -> None:
    while len(waiting) > MAX_VISITORS:
        del waiting[next(iter(waiting))]
