"""What the storefront reported: the JSON Lines files that serving writes and training learns from.

One event a line: `event_id`, `user_id`, `anonymous_id`, `item_id`, `event`, `quantity`, `price`, `rating`,
`order_id`, `time` (ISO 8601, UTC). A client that is unsure whether an event arrived sends it again, so an
`event_id` counts once, wherever it turns up. Guests stay guests unless a line says who they became
(`training.sources.merges`). A rating of `MIN_LIKE` or more counts as a click, as it does on the next slate.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import polars as pl

from recommender.events import Event
from training.settings import CleaningSettings, PurchaseColumns, PurchaseSettings
from training.sources.columns import NULL_TEXT, as_numbers
from training.sources.log import LogRows, understand
from training.sources.merges import Merges, n_merges
from training.sources.paths import SourceFile
from training.sources.tabular import Table, WantedColumns, read_table

FORMAT = PurchaseSettings(
    columns=PurchaseColumns(
        user="user_id",
        item="item_id",
        time="time",
        order="order_id",
        quantity="quantity",
        price="price",
        event="event",
    )
)
"""The mapping of event files is fixed: both sides are ours."""

_WANTED = WantedColumns(
    required={},
    optional=(
        *("event", "time", "event_id", "user_id", "anonymous_id"),
        *("item_id", "quantity", "price", "order_id", "rating"),
    ),
)
"""Nothing is required of a whole file: a line without its event or time is quarantined, and never stops a training."""

REPEATED = "the event was sent more than once"
JOINED = "the line joins a guest to a user"
MIN_LIKE = 4
SPOOL = "spool-"
"""Begins the names of files that serving is at work on: what they hold is in the others a moment later."""


def find_event_files(folder: Path) -> list[SourceFile]:
    """List the event files in `folder` by name; there may be none."""
    paths = [path for path in sorted(folder.glob("*.jsonl")) if not path.name.startswith(SPOOL)]
    return [SourceFile(f"events/{path.name}", path) for path in paths if path.is_file()]


def read_event_files(files: list[SourceFile], limits: CleaningSettings) -> LogRows:
    """Read the events of `files`, each once."""
    read = [_with_event(read_table(file, _WANTED, text=FORMAT, section="purchases")) for file in files]
    merges = Merges.of(read)
    tables = (_with_likes(merges.applied(table)) for table in read)
    events = LogRows.combine(understand(table, FORMAT, limits, event_id="event_id") for table in tables)
    named = events.rows.filter(pl.col("event_id").is_not_null())
    once = named.unique("event_id", keep="first", maintain_order=True)
    rows = pl.concat([events.rows.filter(pl.col("event_id").is_null()), once])
    joined = sum(n_merges(table) for table in read)
    unused = events.unused + Counter({REPEATED: named.height - once.height, JOINED: joined})
    return LogRows(events.files, rows, events.refused, unused)


def _with_likes(table: Table) -> Table:
    if "rating" not in table.frame.columns:
        return table
    is_like = (pl.col("event") == Event.RATING.label) & (as_numbers(table.frame["rating"]) >= MIN_LIKE)
    liked = pl.when(is_like).then(pl.lit(Event.CLICK.label)).otherwise("event")
    return dataclasses.replace(table, frame=table.frame.with_columns(liked.alias("event")))


def _with_event(table: Table) -> Table:
    """Add the column `event` where no line has one: without it, every row would count as a purchase."""
    if "event" in table.frame.columns:
        return table
    return dataclasses.replace(table, frame=table.frame.with_columns(NULL_TEXT.alias("event")))
