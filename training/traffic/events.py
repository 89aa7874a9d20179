"""Event files as one table, each event once, with the names of who, what and where.

A visitor is the user an event names; else the browser (`anonymous_id`), else the visit (`session_id`). Ids of browsers
and visits get a control character in front, which no id of a user may hold, so that no two kinds are mixed up. What a
browser did before its guest signed in is the user's, as it is in training (`training.sources.merges`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from recommender.events import Event
from training.progress import Progress
from training.sources.json_lines import read_json_lines
from training.sources.merges import MERGE, Merges
from training.sources.paths import SourceFile
from training.sources.tabular import Table
from training.sources.times import as_seconds

BROWSER, VISIT = "\x1f", "\x1f\x1f"
"""What visitors who are no users begin with; a visit begins like a browser."""

_RAW = pl.Schema(
    {
        "event": pl.String(),
        "event_id": pl.String(),
        "time": pl.String(),
        "user_id": pl.String(),
        "anonymous_id": pl.String(),
        "session_id": pl.String(),
        "item_id": pl.String(),
        "slate_id": pl.String(),
        "placement": pl.String(),
        "rank": pl.Int64(),
        "position": pl.Int64(),
        "quantity": pl.Float64(),
        "price": pl.Float64(),
        "order_id": pl.String(),
    }
)

NAMED = pl.Schema(
    {
        "event": pl.Int8(),
        "time": pl.Int64(),
        "visitor": pl.String(),
        "item": pl.String(),
        "slate": pl.String(),
        "placement": pl.String(),
        "rank": pl.Int32(),
        "order": pl.String(),
        "quantity": pl.Float64(),
        "amount": pl.Float64(),
    }
)
"""Events by name; `amount` is for the whole line, NaN where nobody told it."""


@dataclass(frozen=True, slots=True)
class EventRows:
    """What the event files say."""

    rows: pl.DataFrame
    """Of `NAMED`."""
    n_repeated: int
    """Events that were written more than once."""
    n_unreadable: int
    """Lines that are no event this release knows, or have no time."""


def read_events(files: Sequence[SourceFile], *, erased: Collection[str], progress: Progress) -> EventRows:
    """Read event files; who asked to be forgotten is nobody.

    Raises
    ------
    InvalidInput
        If a file is no JSON Lines at all.
    """
    parts, n_lines = [pl.DataFrame(schema={**_UNJOINED}, orient="row")], 0
    joins: list[Table] = []
    with progress.step("read events", total=len(files)) as step:
        for file in files:
            raw, unreadable = _read(file)
            says_event = (pl.col("event") != MERGE).fill_null(value=True)
            joins.append(Table(file.name, raw.filter(~says_event)))
            n_lines += raw.height - len(joins[-1]) + unreadable
            parts.append(_named(raw.filter(says_event), erased))
            step.advance()
        rows = _joined(pl.concat(parts), Merges.of(joins), erased)
        step.note(f"{rows.height:,} events")
    named = rows.filter(pl.col("event_id").is_not_null()).unique("event_id", keep="first", maintain_order=True)
    once = pl.concat([rows.filter(pl.col("event_id").is_null()), named]).drop("event_id")
    return EventRows(once, rows.height - once.height, n_lines - rows.height)


def _read(file: SourceFile) -> tuple[pl.DataFrame, int]:
    """Return the lines of a file, and how many of them cannot be read."""
    try:
        return pl.read_ndjson(file.path, schema=_RAW, ignore_errors=True), 0
    except pl.exceptions.ComputeError:
        # A torn line stops the fast reader; the slow one sets it aside.
        lines = read_json_lines(file, list(_RAW))
        columns = [
            (pl.col(name) if name in lines.frame.columns else pl.lit(None)).cast(kind, strict=False).alias(name)
            for name, kind in _RAW.items()
        ]
        frame = lines.frame.select(columns) if lines.frame.columns else pl.DataFrame(schema=_RAW)
        return frame, len(lines.unreadable)


_GUEST = "guest"
_UNJOINED = {**NAMED, "event_id": pl.String(), _GUEST: pl.String()}


def _joined(rows: pl.DataFrame, merges: Merges, erased: Collection[str]) -> pl.DataFrame:
    """Return the rows, those of guests who became users with their user."""
    if merges.frame.is_empty():
        return rows.drop(_GUEST)
    became = pl.DataFrame({"became": merges.users_of(rows[_GUEST], rows["time"])})
    user = pl.when(~pl.col("became").is_in(list(erased))).then("became") if erased else pl.col("became")
    return rows.hstack(became).with_columns(pl.coalesce(user, "visitor").alias("visitor")).drop("became", _GUEST)


def _named(raw: pl.DataFrame, erased: Collection[str]) -> pl.DataFrame:
    numbers = {event.label: int(event) for event in Event}
    user = pl.when(~pl.col("user_id").is_in(list(erased))).then("user_id") if erased else pl.col("user_id")
    visitor = pl.coalesce(user, pl.lit(BROWSER) + pl.col("anonymous_id"), pl.lit(VISIT) + pl.col("session_id"))
    quantity = pl.col("quantity").fill_null(1.0)
    return (
        raw.with_columns(as_seconds(raw["time"], time_zone="UTC").alias("seconds"))
        .select(
            pl.col("event").replace_strict(numbers, default=None, return_dtype=pl.Int8),
            pl.col("seconds").alias("time"),
            visitor.alias("visitor"),
            pl.col("item_id").alias("item"),
            pl.col("slate_id").alias("slate"),
            "placement",
            pl.coalesce("rank", "position").fill_null(0).clip(0, 10_000).cast(pl.Int32).alias("rank"),
            pl.col("order_id").alias("order"),
            quantity.alias("quantity"),
            (pl.col("price") * quantity).fill_null(float("nan")).alias("amount"),
            "event_id",
            pl.when(pl.col("user_id").is_null()).then("anonymous_id").alias(_GUEST),
        )
        .filter(pl.col("event").is_not_null(), pl.col("time").is_not_null())
    )
