"""From files to `Traffic`: events and the purchase log together, each order once.

An order may reach us twice: as purchase events of the storefront, and as lines of the purchase log. Order and item say
that it is the same line. The event's line is kept, since it may name the shelf and the guest; the log knows better what
was paid, so an event without a price takes the log's amount.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from recommender.errors import EmptyLog
from recommender.events import Event
from recommender.traffic.columns import NONE, Traffic
from training.progress import Progress
from training.settings import TrainingSettings
from training.sources.event_files import find_event_files
from training.sources.log import read_log
from training.sources.paths import find_files
from training.traffic.events import NAMED, EventRows, read_events

_BOUGHT = (int(Event.PURCHASE), int(Event.RETURN))


@dataclass(frozen=True, slots=True)
class Read:
    """Everything that was read."""

    traffic: Traffic
    visitors: tuple[str, ...]
    """By visitor code, ascending."""
    placements: tuple[str, ...]
    """By placement code, ascending."""
    first: int
    """Seconds since 1970: the first event that a storefront reported."""
    last: int
    notes: tuple[str, ...]
    """What a reader of the figures should know of the files."""


def read_traffic(
    settings: TrainingSettings,
    *,
    erased: Collection[str],
    with_log: bool,
    since: int | None,
    progress: Progress,
    orders_suffice: bool = False,
) -> Read:
    """Read the event files of the data folder and, if wanted, the purchase log; from the second `since` on.

    With `orders_suffice`, a purchase log without events will do.

    Raises
    ------
    EmptyLog
        If there are no events.
    InvalidInput
        If a file cannot be understood.
    """
    folder = settings.data_dir / "events"
    events = read_events(find_event_files(folder), erased=erased, progress=progress)
    needs_events = not (orders_suffice and with_log and settings.purchases.paths)
    if needs_events and events.rows.is_empty():
        raise EmptyLog(f"{folder}: there are no events yet; storefronts report them with POST /v1/events (docs/api.md)")
    notes = list(_notes(events))
    rows = told = events.rows.filter(pl.col("time") >= _start_of(settings.cleaning.earliest))
    if early := events.rows.height - rows.height:
        notes.append(f"Events that claim to be from before {settings.cleaning.earliest}, left out: {early:,}.")
    if needs_events and rows.is_empty():
        raise EmptyLog(f"{folder}: all events are from before {settings.cleaning.earliest} (cleaning.earliest)")
    if with_log and settings.purchases.paths:
        with progress.step("read purchase log") as step:
            log = _logged(settings, erased)
            rows, n_twice = joined(rows, log)
            step.note(f"{log.height:,} lines")
        if n_twice:
            are, were = ("purchase is", "was") if n_twice == 1 else ("purchases are", "were")
            notes.append(f"{n_twice:,} {are} in the purchase log and {were} reported as events: counted once.")
    bought = rows.filter(pl.col("event") == int(Event.PURCHASE))
    if unpriced := int(bought["amount"].is_nan().sum()):
        notes.append(f"{unpriced:,} of {bought.height:,} purchases tell no price: they count as orders, without money.")
    told = rows if told.is_empty() else told
    first, last = told.select(pl.min("time"), pl.max("time").alias("last")).row(0)
    kept = rows if since is None else rows.filter(pl.col("time") >= since)
    with progress.step("put in order") as step:
        traffic, visitors, placements = _coded(kept)
        step.note(f"{len(traffic):,} events of {len(visitors):,} visitors")
    return Read(traffic, visitors, placements, first, last, tuple(notes))


def _start_of(day: dt.date) -> int:
    return int(np.datetime64(day, "s").astype(np.int64))


def joined(events: pl.DataFrame, log: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the rows of both, and how many purchases were in both."""
    key = ["order", "item"]
    is_purchase = (pl.col("event") == int(Event.PURCHASE)) & pl.col("order").is_not_null()
    reported, logged = events.filter(is_purchase), log.filter(is_purchase)
    paid = logged.group_by(key).agg(pl.col("amount").sum().alias("paid"))
    amounts = events.join(paid, on=key, how="left", maintain_order="left")
    # What was paid for an item of an order is shared among its lines, should it have several.
    share = pl.col("paid") / pl.len().over([*key, "event"])
    filled = pl.when(is_purchase & pl.col("amount").is_nan()).then(share).otherwise("amount")
    events = amounts.with_columns(filled.fill_null(float("nan")).alias("amount")).drop("paid")
    fresh = log.join(reported, on=key, how="anti")  # a line without an order is like no other
    return pl.concat([events, fresh.select(NAMED.names())]), log.height - fresh.height


def _logged(settings: TrainingSettings, erased: Collection[str]) -> pl.DataFrame:
    """Return purchases and returns of the purchase log, as `NAMED`."""
    paths = settings.purchases.paths
    files = find_files(paths, folder=settings.folder, key="purchases.paths")
    rows = read_log(files, settings.purchases, settings.cleaning).rows.filter(pl.col("event").is_in(_BOUGHT))
    user = pl.when(~pl.col("user").is_in(list(erased))).then("user") if erased else pl.col("user")
    nothing = pl.lit(None, pl.String)
    return rows.select(
        "event",
        "time",
        user.alias("visitor"),
        "item",
        nothing.alias("slate"),
        nothing.alias("placement"),
        pl.lit(0, pl.Int32).alias("rank"),
        "order",
        "quantity",
        pl.col("amount").fill_null(float("nan")),
    )


def _notes(events: EventRows) -> list[str]:
    notes = []
    if events.n_repeated:
        notes.append(f"Events that were written more than once, counted once: {events.n_repeated:,}.")
    if events.n_unreadable:
        notes.append(f"{events.n_unreadable:,} lines of the event files are no events, or tell no time: left out.")
    bought = events.rows.filter(pl.col("event").is_in(_BOUGHT))
    if nameless := bought.filter(pl.col("visitor").is_null()).height:
        notes.append(f"{nameless:,} purchases name neither user nor visitor: they are no visitor's.")
    if orderless := bought.filter(pl.col("order").is_null()).height:
        notes.append(
            f"{orderless:,} purchases name no order: those of one visitor and day count as one, and if they are in the "
            "purchase log, too, they count twice."
        )
    return notes


def _coded(rows: pl.DataFrame) -> tuple[Traffic, tuple[str, ...], tuple[str, ...]]:
    """Return rows with codes for names, in alphabetical order, and the names of visitors and placements."""
    day = pl.lit("\0") + pl.col("visitor") + "\0" + (pl.col("time") // 86_400).cast(pl.String)
    is_bought = pl.col("event").is_in(_BOUGHT)
    rows = rows.with_columns(pl.when(is_bought).then(pl.coalesce("order", day)).alias("order"))
    columns: dict[str, npt.NDArray[Any]] = {
        name: _codes(rows[name]) for name in ("visitor", "item", "slate", "placement", "order")
    }
    for name in ("event", "time", "rank", "quantity", "amount"):
        columns[name] = rows[name].to_numpy()
    visitors, placements = (tuple(rows[name].drop_nulls().unique().sort()) for name in ("visitor", "placement"))
    return Traffic.of(**columns), visitors, placements


def _codes(names: pl.Series) -> npt.NDArray[np.int32]:
    return (names.rank("dense").cast(pl.Int64) - 1).fill_null(NONE).cast(pl.Int32).to_numpy()
