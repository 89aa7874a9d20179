"""Taking events in: check each, keep it safe, let the visitor's next slate reflect it.

An event is accepted when it is in the stream and on disk: first the stream, which alone knows every process's ids, then
a spool (`serving.events.journal`). While Redis is away the spool alone has it. `event_id` makes a repeated request
harmless. One wrong event rejects itself and not its batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson
from pydantic import ValidationError

from recommender.errors import StoreUnavailable
from recommender.ids import MAX_ID_BYTES
from serving.clock import Clock
from serving.erasures import Erasures
from serving.event_schemas import EventIn, EventsResult, MergeRequest, MergeResult, RejectedEvent
from serving.events import fresh
from serving.events.files import MERGE
from serving.events.journal import Journal
from serving.events.owed import Owed
from serving.events.times import clock_error, happened_at
from serving.metrics import Metrics
from serving.problems import MAX_ECHO, plain
from serving.stores import Stores
from serving.visitors import visitor

_log = logging.getLogger(__name__)


class _Kept(NamedTuple):
    """Where events are, and which of them nobody had sent before."""

    is_new: list[bool]
    where: Literal["stream", "file"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A checked event with its id and time."""

    event_id: str
    time: np.datetime64
    """To the millisecond where its sender said so."""
    event: EventIn
    is_erased: bool
    """Whether its user asked to be forgotten: then it is nobody's."""

    @property
    def visitor(self) -> str | None:
        """Whose it is; None for nobody's."""
        return None if self.is_erased else visitor(self.event.user_id, self.event.anonymous_id)

    def content(self) -> dict[str, Any]:
        """Return what a line of an event file says."""
        said = self.event.model_dump(mode="json", exclude_none=True)
        if self.is_erased:
            said = {name: value for name, value in said.items() if name not in ("user_id", "anonymous_id")}
        return said | {"event_id": self.event_id, "time": f"{self.time.astype('datetime64[s]')}Z"}

    def line(self, *, received_at: datetime) -> bytes:
        """Return the event as a line of an event file."""
        return orjson.dumps(self.content() | {"received_at": received_at.isoformat(timespec="milliseconds")})

    def fresh(self) -> bytes | None:
        """Return the event as the visitor's fresh list keeps it; None if it changes no slate."""
        return fresh.of_line(self.content(), self.time)


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
        sync: bool = True,
    ) -> None:
        self._stores = stores
        self._erasures = erasures
        self._clock = clock
        self._metrics = metrics
        self._client_times = client_times
        self._sync = sync
        self._journal = Journal(folder)
        self.owed = Owed(stores.slates, erasures, metrics)
        """What slates do not know of yet."""

    async def take(self, raw: Sequence[Any], *, as_of: np.datetime64, sent_at: datetime | None = None) -> EventsResult:
        """Check and keep a batch; `sent_at` is what the sender's clock showed.

        Raises
        ------
        OSError
            If neither Redis nor the disk took it.
        """
        now, error = self._clock.now(as_of), clock_error(sent_at, now=self._clock.wall())
        accepted: dict[int, Accepted] = {}
        rejected: list[RejectedEvent] = []
        for index, candidate in enumerate(raw):
            try:
                accepted[index] = self._checked(candidate, now=now, error=error)
            except (ValueError, ArithmeticError) as problem:
                rejected.append(_rejection(index, candidate, problem))
        kept = await self._take(list(accepted.values()))
        repeated = [index for index, new in zip(accepted, kept.is_new, strict=True) if not new]
        for outcome, count in (
            ("new", len(accepted) - len(repeated)),
            ("duplicate", len(repeated)),
            ("rejected", len(rejected)),
        ):
            self._metrics.events.labels(outcome).inc(count)
        return EventsResult(
            accepted=len(accepted),
            duplicates=len(repeated),
            repeated=repeated,
            rejected=rejected,
            kept_in=kept.where,
        )

    async def merge(self, asked: MergeRequest, *, as_of: np.datetime64) -> MergeResult:
        """Let a guest be a user from now on: on their slates, and in the files that training reads.

        Raises
        ------
        OSError
            If neither Redis nor the disk took it.
        """
        anonymous_id, user_id, moved, changes = asked.anonymous_id, asked.user_id, 0, True
        kept: _Kept = _Kept([], "stream")
        if user_id not in self._erasures:
            with contextlib.suppress(StoreUnavailable):
                changes = await self._stores.slates.merged(anonymous_id) not in (None, user_id)
            moved = await self.owed.merge(anonymous_id, user_id)
            line = _merge_line(asked, changes=changes, time=self._clock.now(as_of), received_at=self._clock.wall())
            kept = await self._keep([line])
            self._metrics.merges.inc()
        return MergeResult(anonymous_id=anonymous_id, user_id=user_id, moved=moved, kept_in=kept.where)

    def _checked(self, candidate: Any, *, now: np.datetime64, error: timedelta) -> Accepted:
        event = EventIn.model_validate(candidate)
        time = now
        if (moment := event.time) is not None and self._client_times:
            time = happened_at(moment, error=error, now=self._clock.wall())
        return Accepted(event.event_id or uuid.uuid4().hex, time, event, event.user_id in self._erasures)

    async def _take(self, accepted: Sequence[Accepted]) -> _Kept:
        received_at = self._clock.wall()
        return await self._keep([(event.event_id, event.line(received_at=received_at)) for event in accepted], accepted)

    async def _keep(self, entries: Sequence[tuple[str, bytes]], events: Sequence[Accepted] = ()) -> _Kept:
        """Put lines into the stream and on disk; meanwhile let slates know of the `events` among them that are new."""
        if not entries:
            return _Kept([], "stream")
        try:
            is_new = await self._stores.stream.append(entries)
        except StoreUnavailable:
            self._metrics.store_errors.labels("events").inc()
            is_new = await self._journal.keep(entries)
            self.owed.owe(_by_visitor(events, is_new))
            return _Kept(is_new, "file")
        await asyncio.gather(self.owed.tell(_by_visitor(events, is_new)), self._write_down(entries))
        return _Kept(is_new, "stream")

    async def _write_down(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Write to disk what the stream has already; without room there, it is as safe as Redis is."""
        if not self._sync:
            return
        try:
            await self._journal.keep(entries)
        except OSError as error:
            self._metrics.events_unsynced.inc(len(entries))
            _log.error("events are in Redis and could not be written to disk: %s", error)


def _by_visitor(events: Sequence[Accepted], is_new: Sequence[bool]) -> dict[str, list[bytes]]:
    """Return what slates should hear of the new ones among `events`, in the order of their times."""
    found: dict[str, list[bytes]] = {}
    new = [event for event, is_first in zip(events, is_new, strict=False) if is_first]
    for event in sorted(new, key=lambda event: event.time):
        if (name := event.visitor) is not None and (payload := event.fresh()) is not None:
            found.setdefault(name, []).append(payload)
    return found


def _merge_line(asked: MergeRequest, *, changes: bool, time: np.datetime64, received_at: datetime) -> tuple[str, bytes]:
    """Return id and line of a merge: one that `changes` who the guest is has its own id, those repeated share one.

    Where nobody can tell, it has its own: a line too many says nothing new, and one too few loses a change.
    """
    told = orjson.dumps([asked.anonymous_id, asked.user_id, uuid.uuid4().hex if changes else ""])
    event_id = f"{MERGE}-{hashlib.sha256(told).hexdigest()[:32]}"
    content = {
        "event": MERGE,
        "event_id": event_id,
        "anonymous_id": asked.anonymous_id,
        "user_id": asked.user_id,
        "time": f"{time.astype('datetime64[s]')}Z",
        "received_at": received_at.isoformat(timespec="milliseconds"),
    }
    return event_id, orjson.dumps(content)


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
