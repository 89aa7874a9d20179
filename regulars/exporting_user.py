"""What is known about one person, as one document: for who asks what the shop knows of them.

Everything is gathered from where the program itself reads it: the version that is served, the store, event files,
records of sends. What they are offered is answered by the same `Service` that answers storefronts. Nothing is changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from recommender.engine import Engine
from recommender.errors import InvalidInput, RecommenderError, StoreUnavailable
from recommender.ids import id_problem
from recommender.model import Model
from regulars.config import Config
from serving.access.access import Access
from serving.campaigns.sends import CAMPAIGNS, MANIFEST_FILE, SENDS
from serving.campaigns.snapshot import SNAPSHOT_FILE, Sent, Snapshot
from serving.clock import clock_of
from serving.console import offers
from serving.console.customers import Customer, Order, customer_of
from serving.console.fresh_events import Session, Told, session_of
from serving.events.redaction import Guests, event_files, guests_in, lines_of, read
from serving.experiment_settings import allocation_of
from serving.metrics import Metrics
from serving.opt_outs import read_choices
from serving.server import store_of
from serving.settings import AppSettings
from serving.state import State
from serving.stores import UserRecord
from serving.stores.choices import OPTED_OUT
from serving.stores.forgetting import RedisForgetting
from serving.stores.redis import RedisStores
from training.sources.paths import find_files

TIMEOUT_SECONDS = 10.0
NOT_INCLUDED = "the rows of the purchase log, which is the shop's own file"


def export_user(config: Config, user_id: str, *, now: datetime) -> dict[str, Any]:
    """Return what is known about a user, ready for JSON.

    Raises
    ------
    InvalidInput
        If the id can be none.
    """
    if problem := id_problem(user_id):
        raise InvalidInput(f"{user_id!r} cannot be the id of a user: {problem}")
    guests = guests_in(config.app.events_dir)
    with store_of(config.app) as settings:
        found = asyncio.run(_from_store(settings, user_id, guests))
    sends, unreadable = _sends(config.app.data_dir, user_id)
    return {
        "user_id": user_id,
        "at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        **found,
        "guests": sorted(guests.of([user_id])),
        "events": list(_events(config.app.events_dir, user_id, guests)),
        "sends": sends,
        "unreadable": unreadable,
        "experiment": _group(config.app, user_id),
        "not_included": {NOT_INCLUDED: _logs(config)},
    }


async def _from_store(settings: AppSettings, user_id: str, guests: Guests) -> dict[str, Any]:
    assert settings.redis.url is not None
    stores = RedisStores.connect(settings.redis.url, settings, timeout_seconds=TIMEOUT_SECONDS)
    try:
        state = State.build(
            settings,
            stores,
            artifacts=settings.artifacts_dir,
            clock=clock_of(settings.serving.clock, events=settings.events_dir),
            metrics=Metrics(),
            access=Access(settings.access, settings.data_dir),
        )
        is_there = await _up_to_date(state)
        record = UserRecord()
        if is_there:
            version = None if state.holder.engine is None else state.holder.engine.version
            record = await stores.slates.read_user(user_id, version=version)
            for guest, user in (await RedisForgetting(stores.connection).guests_of([user_id])).items():
                guests.add(guest, "", user)
        return await _of_state(state, user_id, record) | {"store": "asked" if is_there else "away"}
    finally:
        await stores.close()


async def _up_to_date(state: State) -> bool:
    """Let the parts of a server know what they would know; say whether the store answers."""
    state.erasures.load()
    state.opt_outs.load()
    await state.holder.refresh()
    try:
        await state.erasures.refresh()
        await state.opt_outs.refresh()
        await state.catalogue.refresh()
    except StoreUnavailable:
        return False
    return True


async def _of_state(state: State, user_id: str, record: UserRecord) -> dict[str, Any]:
    engine = state.holder.engine
    is_erased = record.erased or user_id in state.erasures
    found: dict[str, Any] = {
        "model_version": None if engine is None else engine.version,
        "erased": is_erased,
        "personalization": _choice(state, user_id, record),
        "customer": None,
        "outlook": None,
        "history": [],
        "since_training": [],
        "stored_candidates_bytes": len(record.candidates or b""),
        "offered": [],
    }
    if engine is None or is_erased:
        return found
    now = state.clock.now(engine.model.as_of)
    session = session_of(record.fresh, engine, user_id, now=now)
    shelf = state.catalogue.shelf(engine.model)
    customer = customer_of(engine, user_id, session, shelf=shelf, now=now, order=Order.LATEST, all_items=True)
    return found | await _described(state, engine, customer, session, now=now)


async def _described(
    state: State, engine: Engine, customer: Customer, session: Session, *, now: np.datetime64
) -> dict[str, Any]:
    cart = [item_id for item_id, _ in customer.cart]
    today: date = now.astype("datetime64[D]").astype(date)
    shelves = await offers.offered(state.service, customer.user_id, cart=cart, viewed=None, today=today)
    loyalty = customer.loyalty
    return {
        "customer": None if loyalty is None else {**asdict(loyalty), "scores": dict(loyalty.scores)},
        "outlook": _outlook(engine.model, customer.user_id),
        "history": [
            {**asdict(owned), "first": _moment(owned.first), "last": _moment(owned.last), "due_on": _day(owned.due_on)}
            for owned in customer.owned
        ],
        "since_training": [_told(told) for told in session.told],
        "in_cart": cart,
        "held_back": [asdict(item) for item in customer.held_back],
        "offered": [asdict(shelf) for shelf in shelves],
    }


def _choice(state: State, user_id: str, record: UserRecord) -> dict[str, Any]:
    chosen = read_choices(state.settings.data_dir).get(user_id)
    is_off = user_id in state.opt_outs or OPTED_OUT in record.fresh
    return {"on": not is_off, "chosen_at": None if chosen is None else _moment(abs(chosen) // 1000)}


def _outlook(model: Model, user_id: str) -> dict[str, Any] | None:
    index = model.users.get(user_id)
    if index is None:
        return None
    columns = {name: getattr(model.outlook, name)[index] for name in model.outlook.__dataclass_fields__}
    return {
        name: _day(value) if isinstance(value, np.datetime64) else _number(float(value))
        for name, value in columns.items()
    }


def _told(told: Told) -> dict[str, Any]:
    return {**asdict(told), "event": told.event.label, "seconds": _moment(told.seconds)}


def _events(folder: Path, user_id: str, guests: Guests) -> Iterator[dict[str, Any]]:
    """Yield the lines of event files that are theirs, by the rule of training; what is on its way is in two files."""
    seen: set[str] = set()
    for path in event_files(folder):
        for line in lines_of(path):
            event = read(line)
            if event is None or guests.owner(event) != user_id or (name := str(event.get("event_id"))) in seen:
                continue
            seen.add(name)
            yield {"file": path.name, **event}


def _sends(data_dir: Path, user_id: str) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return what each send had for them, or why they were left out of it; and the records that cannot be read.

    Records are asked whether or not their sends were finished, and every page of them is looked at: a damaged index
    does not find a person who is in the table.
    """
    found: list[dict[str, Any]] = []
    unreadable: list[dict[str, str]] = []
    for folder in sorted((data_dir / CAMPAIGNS).glob(f"*/{SENDS}/*")):
        path = folder / SNAPSHOT_FILE
        if path.exists() or (folder / MANIFEST_FILE).exists():
            try:
                found += _of_record(path, folder.parent.parent.name, folder.name, user_id)
            except (InvalidInput, sqlite3.Error) as error:
                unreadable.append({"where": str(path), "why": str(error)})
    return found, unreadable


def _of_record(path: Path, campaign: str, send_id: str, user_id: str) -> Iterator[dict[str, Any]]:
    """Yield what one send had for somebody.

    Raises
    ------
    InvalidInput
        If its record is damaged, wherever that is.
    """
    with Snapshot.open(path) as snapshot:
        if what := snapshot.damage():
            raise InvalidInput(f"{path} is no record of a send that can be read: {what}; restore it from a backup")
        about = {"campaign": campaign, "send_id": send_id, "sent_at": snapshot.sent_at}
        sent, why_not = snapshot.of_user(user_id), snapshot.why_not(user_id)
    if sent is not None:
        yield {**about, "left_out": None, **_sent(sent)}
    elif why_not is not None:
        yield {**about, "left_out": why_not}


def _sent(sent: Sent) -> dict[str, Any]:
    return {
        "slate_id": sent.slate_id,
        "segment": sent.segment.label,
        "is_personal": sent.is_personal,
        "coupon_tier": sent.coupon_tier,
        "next_order": None if sent.next_order is None else sent.next_order.isoformat(),
        "picks": [
            {
                "item_id": pick.item.item_id,
                "title": pick.item.title,
                "source": pick.source.label,
                "reason": pick.reason.label,
                "because_of": None if pick.rests_on is None else pick.rests_on.item_id,
                "due_on": None if pick.due_on is None else pick.due_on.isoformat(),
            }
            for pick in sent.picks
        ],
    }


def _group(settings: AppSettings, user_id: str) -> dict[str, str] | None:
    group = allocation_of(settings.experiments).of(user_id)
    return None if group is None else {"experiment": group.experiment, "variant": group.variant}


def _logs(config: Config) -> list[str]:
    training = config.training
    with contextlib.suppress(RecommenderError):
        return [str(file.path) for file in find_files(training.purchases.paths, folder=training.folder, key="paths")]
    return []


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _day(day: np.datetime64 | None) -> str | None:
    return None if day is None or np.isnat(day) else str(day.astype("datetime64[D]"))


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
