"""Taking events in: check each, keep it safe, let the user's next slate reflect it.

An event is accepted when it is in the stream or, while Redis is away, in a file. `event_id` makes a repeated request
harmless. One wrong event rejects itself and not its batch.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.to_thread
import numpy as np
import orjson
from pydantic import ValidationError

from recommender.errors import StoreUnavailable
from recommender.ids import MAX_ID_BYTES
from serving.clock import Clock
from serving.erasures import Erasures
from serving.events import files, fresh
from serving.metrics import Metrics
from serving.problems import MAX_ECHO, plain
from serving.schemas import EventIn, EventsResult, RejectedEvent
from serving.stores import Stores

FUTURE = timedelta(minutes=5)
"""How far a storefront's clock may be ahead of ours."""
MAX_SPOOLED_IDS = 100_000
"""Ids a process remembers while Redis is away, to recognise repeated requests."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A checked event with its id and time."""

    event_id: str
    time: np.datetime64
    event: EventIn
    user_id: str | None
    """None for guests, and for users who asked to be forgotten."""

    def line(self, *, received_at: datetime) -> bytes:
        """Return the event as a line of an event file."""
        content = self.event.model_dump(mode="json", exclude_none=True) | {
            "event_id": self.event_id,
            "user_id": self.user_id,
            "time": f"{self.time.astype('datetime64[s]')}Z",
            "received_at": received_at.isoformat(timespec="milliseconds"),
        }
        return orjson.dumps({name: value for name, value in content.items() if value is not None})

    def fresh(self) -> bytes | None:
        """Return the event as the user's fresh list keeps it; None if it changes no slate."""
        if self.user_id is None or self.event.item_id is None or self.event.event not in fresh.REMEMBERED:
            return None
        return fresh.encode(self.event.item_id, self.event.event, self.event.quantity, self.time)


class Ingest:
    """Takes batches of events."""

    def __init__(
        self,
        stores: Stores,
        erasures: Erasures,
        clock: Clock,
        metrics: Metrics,
        *,
        folder: Path,
        client_times: bool,
    ) -> None:
        self._stores = stores
        self._erasures = erasures
        self._clock = clock
        self._metrics = metrics
        self._client_times = client_times
        self._spool = folder / f"spool-{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl"
        self._spooled: dict[str, None] = {}
        self._spooling = anyio.Lock()

    async def take(self, raw: Sequence[Any], *, as_of: np.datetime64) -> EventsResult:
        """Check and keep a batch.

        Raises
        ------
        OSError
            If neither Redis nor the disk took it.
        """
        now = self._clock.now(as_of)
        accepted: list[Accepted] = []
        rejected: list[RejectedEvent] = []
        for index, candidate in enumerate(raw):
            try:
                accepted.append(self._checked(candidate, now=now))
            except (ValueError, ArithmeticError) as error:
                rejected.append(_rejection(index, candidate, error))
        is_new, kept_in = await self._keep(accepted)
        duplicates = len(accepted) - sum(is_new)
        for outcome, count in (("new", sum(is_new)), ("duplicate", duplicates), ("rejected", len(rejected))):
            self._metrics.events.labels(outcome).inc(count)
        return EventsResult(accepted=len(accepted), duplicates=duplicates, rejected=rejected, kept_in=kept_in)

    def _checked(self, candidate: Any, *, now: np.datetime64) -> Accepted:
        event = EventIn.model_validate(candidate)
        time = now
        if (moment := event.moment) is not None and self._client_times:
            if moment > self._clock.wall() + FUTURE:
                raise ValueError(f"time: {moment.isoformat()} lies in the future")
            time = _in_utc(moment)
        user_id = None if event.user_id in self._erasures else event.user_id
        return Accepted(event.event_id or uuid.uuid4().hex, time, event, user_id)

    async def _keep(self, accepted: Sequence[Accepted]) -> tuple[list[bool], Literal["stream", "file"]]:
        if not accepted:
            return [], "stream"
        received_at = self._clock.wall()
        entries = [(event.event_id, event.line(received_at=received_at)) for event in accepted]
        try:
            is_new = await self._stores.stream.append(entries)
        except StoreUnavailable:
            self._metrics.store_errors.labels("events").inc()
            return await self._write_down(entries), "file"
        await self._remember([event for event, new in zip(accepted, is_new, strict=True) if new])
        return is_new, "stream"

    async def _remember(self, events: Sequence[Accepted]) -> None:
        by_user: dict[str, list[bytes]] = {}
        for event in sorted(events, key=lambda event: event.time):
            if event.user_id is not None and (payload := event.fresh()) is not None:
                by_user.setdefault(event.user_id, []).append(payload)
        try:
            await self._stores.slates.remember(by_user)
        except StoreUnavailable:
            self._metrics.store_errors.labels("fresh").inc()

    async def _write_down(self, entries: Sequence[tuple[str, bytes]]) -> list[bool]:
        async with self._spooling:
            new: dict[str, bytes] = {}
            is_new = []
            for event_id, line in entries:
                is_new.append(event_id not in self._spooled and event_id not in new)
                new.setdefault(event_id, line) if is_new[-1] else None
            if new:
                await anyio.to_thread.run_sync(files.append, self._spool, list(new.values()))
            self._spooled |= dict.fromkeys(new)
            while len(self._spooled) > MAX_SPOOLED_IDS:
                del self._spooled[next(iter(self._spooled))]
            return is_new


def _in_utc(moment: datetime) -> np.datetime64:
    """Return the moment without its zone, which may carry it over the edge of the calendar."""
    try:
        return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "s")
    except OverflowError:
        raise ValueError(f"time: {moment.isoformat()} is no date in UTC") from None


def _rejection(index: int, candidate: Any, error: Exception) -> RejectedEvent:
    event_id = candidate.get("event_id") if isinstance(candidate, Mapping) else None
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where}: {plain(first['msg'])}" if where else plain(first["msg"])
    else:
        reason = str(error)
    is_id = isinstance(event_id, str) and len(event_id) <= MAX_ID_BYTES
    return RejectedEvent(index=index, event_id=event_id if is_id else None, reason=reason[:MAX_ECHO])
