"""How the shop is served right now: the model's age, the store, what waits, what was answered with less than usual."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import orjson
from prometheus_client import Counter

from recommender.errors import StoreUnavailable
from recommender.loyalty.rfm import CustomerBase
from serving.campaigns.audience import EVERYBODY, sizes
from serving.console.console import Console
from serving.console.coverage import KEEP_SECONDS, Coverage, coverage_of, stored_records
from serving.console.words import in_words
from serving.state import State
from serving.stores.breaker import BreakerState

TAIL_BYTES = 65_536
"""Of an event file, what is read to find its last line."""

_BREAKER = {
    BreakerState.CLOSED: "in use",
    BreakerState.HALF_OPEN: "being tried again",
    BreakerState.OPEN: "left alone for a moment",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What the store says of itself."""

    is_up: bool
    state: str
    waiting: int | None = None
    """Events that are not in a file yet."""
    stored_users: int | None = None
    """Users with candidates of the served version."""
    kept_versions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How old things are."""

    as_of: np.datetime64
    model_seconds: float
    """By the shop's clock."""
    is_data_clock: bool
    event_seconds: float | None
    """Since the last event was received; None if there are no event files."""
    stock_seconds: float | None
    sold_out: int
    """Items that are out of stock now."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """Slates of this process that were answered with less than usual."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All of it, while a model is served."""

    version: str
    previous: str | None
    users: int
    items: int
    store: Store
    freshness: Freshness
    degraded: tuple[Degraded, ...]
    coverage: Coverage | None
    segments: tuple[tuple[str, int], ...]


async def status_of(console: Console, state: State) -> Status | None:
    """Return the status; None while no model is served."""
    ready = state.holder.ready
    if ready is None:
        return None
    engine = ready.engine
    store = await _store(state, engine.version)

    async def cover() -> Coverage | None:
        records = await stored_records(state.stores.slates, engine)
        return None if records is None else await console.work(lambda: coverage_of(ready, records))

    coverage = await console.kept.get(("coverage", engine.version), cover, seconds=KEEP_SECONDS)
    return await console.work(
        lambda: Status(
            version=engine.version,
            previous=state.holder.pointer.previous,
            users=len(engine.model.users),
            items=len(engine.model.items),
            store=store,
            freshness=_freshness(console, state, engine.model.as_of, ready.engine.model.items.ids),
            degraded=tuple(degraded(state.metrics.degraded)),
            coverage=coverage,
            segments=tuple(_segments(engine.model.customers)),
        )
    )


def degraded(counter: Counter) -> Iterator[Degraded]:
    """Yield what this process has counted, by reason."""
    for family in counter.collect():
        for sample in family.samples:
            if sample.name.endswith("_total") and sample.value:
                yield Degraded(in_words(sample.labels["reason"]), int(sample.value))


def last_received(folder: Path) -> datetime | None:
    """Return when the last event of the newest event file was received."""
    for path in sorted(folder.glob("events-*.jsonl"), reverse=True)[:3]:
        for line in reversed(_tail(path)):
            try:
                return datetime.fromisoformat(orjson.loads(line)["received_at"])
            except (ValueError, KeyError, TypeError):
                continue
    return None


def _tail(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return file.read(TAIL_BYTES).splitlines()
    except OSError:
        return []


def _segments(customers: CustomerBase) -> Iterator[tuple[str, int]]:
    for name, count in sizes(customers).items():
        if name != EVERYBODY:
            yield name, count


def _freshness(console: Console, state: State, as_of: np.datetime64, item_ids: tuple[str, ...]) -> Freshness:
    now = state.clock.now(as_of)
    received, engine = last_received(state.settings.events_dir), state.holder.engine
    in_stock = len(item_ids) if engine is None else int(state.catalogue.shelf(engine.model).in_stock.sum())
    return Freshness(
        as_of=as_of,
        model_seconds=max(0.0, float((now - as_of) / np.timedelta64(1, "s"))),
        is_data_clock=state.settings.serving.clock == "data",
        event_seconds=None if received is None else max(0.0, (state.clock.wall() - received).total_seconds()),
        stock_seconds=console.stock.seconds_ago,
        sold_out=len(item_ids) - in_stock,
    )


async def _store(state: State, version: str) -> Store:
    breaker = _BREAKER[state.stores.breaker_state]
    try:
        await state.stores.slates.ping()
        waiting, kept = await state.stores.stream.length(), await state.stores.slates.versions()
    except StoreUnavailable:
        return Store(is_up=False, state=breaker)
    return Store(is_up=True, state=breaker, waiting=waiting, stored_users=kept.get(version, 0), kept_versions=len(kept))
