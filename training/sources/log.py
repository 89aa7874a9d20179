"""The log in one form: purchase logs and event files, read, understood and checked row by row.

`read_log` turns files into rows of `ROW_SCHEMA`, whatever they were. A row that makes no sense is refused on
the spot, with its reason and its original values (`LogRows.refused`), and never enters; a row that makes
sense but is not learned from is only counted (`LogRows.unused`). What needs more than one row to decide
(duplicates, returns, robots) is the business of `training.cleaning`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from recommender.errors import InvalidInput
from recommender.events import POSITIVE, Event
from recommender.ids import CONTROL_CHARACTER, MAX_ID_BYTES
from training.settings import CleaningSettings, PurchaseSettings
from training.sources.columns import as_ids, as_numbers
from training.sources.paths import SourceFile
from training.sources.tabular import LINE, Table, WantedColumns, read_table
from training.sources.times import as_seconds

_COLUMNS: dict[str, pl.DataType] = {
    "user": pl.String(),  # null for a guest
    "item": pl.String(),
    "event": pl.Int8(),
    "quantity": pl.Float64(),  # of a return: what was taken back
    "amount": pl.Float64(),  # null where unknown
    "order": pl.String(),  # null where the log has none
    "time": pl.Int64(),  # seconds since 1970, UTC
    "event_id": pl.String(),  # null outside event files
    "__file": pl.Categorical(),
    LINE: pl.Int64(),
}
ROW_SCHEMA = pl.Schema(_COLUMNS)

FILE, REASON = "__file", "__reason"
USED = frozenset({*POSITIVE, Event.RETURN})
"""Events that training learns from; the others are counted and left alone."""

LAST_DAY = dt.date(2261, 12, 31)
"""Without `cleaning.latest`, no row is later: nanoseconds since 1970 end in April 2262, and every shop before."""

MOST_MONEY = 1e15
"""The largest amount of a row: no basket costs more in any currency, and sums and squares of it are numbers still."""


@dataclass(frozen=True, slots=True)
class LogRows:
    """What one or several files say."""

    files: tuple[str, ...]
    rows: pl.DataFrame
    """Sensible rows, of `ROW_SCHEMA`."""
    refused: pl.DataFrame
    """`FILE`, `LINE`, `REASON` and the original values of rows that make no sense."""
    unused: Counter[str]
    """Reason → rows that make sense and are not learned from."""

    @property
    def n_read(self) -> int:
        """How many rows the files had."""
        return self.rows.height + self.refused.height + self.unused.total()

    @classmethod
    def combine(cls, parts: Iterable[LogRows]) -> LogRows:
        """Put the rows of several files one after the other."""
        parts = list(parts)
        refused = [part.refused for part in parts if part.refused.height]
        return cls(
            files=tuple(name for part in parts for name in part.files),
            rows=pl.concat([ROW_SCHEMA.to_frame(), *(part.rows for part in parts)]),
            refused=pl.concat(refused, how="diagonal") if refused else pl.DataFrame(),
            unused=sum((part.unused for part in parts), Counter()),
        )


def read_log(files: Iterable[SourceFile], settings: PurchaseSettings, limits: CleaningSettings) -> LogRows:
    """Read the purchase log's `files`.

    Raises
    ------
    InvalidInput
        If a file cannot be read, or not a single one of its time stamps can.
    MissingColumn
        If a mapped column is not there.
    """
    wanted = WantedColumns(
        {column: f"{name} in [purchases.columns]" for name, column in settings.columns.mapped().items()}
    )
    tables = (read_table(file, wanted, text=settings, section="purchases") for file in files)
    return LogRows.combine(understand(table, settings, limits) for table in tables)


def understand(
    table: Table, settings: PurchaseSettings, limits: CleaningSettings, *, event_id: str | None = None
) -> LogRows:
    """Give the columns of `table` their meaning and refuse the rows that have none."""
    raw = table.frame
    rows = _meaning(table.name, raw, settings, event_id)
    if raw.height and event_id is None:
        _require_some_time(table.name, raw, rows, settings)
    checked = rows.with_columns(_reason(limits), _unused())
    is_refused = checked[REASON].is_not_null() & checked["unused"].is_null()
    kept = checked.filter(~is_refused & pl.col("unused").is_null())
    return LogRows(
        files=(table.name,),
        rows=_with_known_amounts(kept),
        refused=_refused(table, raw, checked[REASON], is_refused),
        unused=Counter(checked["unused"].drop_nulls().to_list()),
    )


def _meaning(name: str, raw: pl.DataFrame, settings: PurchaseSettings, event_id: str | None) -> pl.DataFrame:
    columns = settings.columns

    def ids(column: str | None) -> pl.Series:
        return as_ids(raw[column]) if column in raw.columns else _constant(None, pl.String(), raw.height)

    def numbers(column: str | None, missing: float | None) -> pl.Series:
        if column not in raw.columns:
            return _constant(missing, pl.Float64(), raw.height)
        return as_numbers(raw[column], decimal_comma=settings.decimal_comma)

    def times() -> pl.Series:
        if columns.time not in raw.columns:
            return _constant(None, pl.Int64(), raw.height)
        return as_seconds(raw[columns.time], time_zone=settings.time_zone, time_format=settings.time_format)

    return pl.DataFrame(
        {
            "user": ids(columns.user),
            "item": ids(columns.item),
            "event": _events(raw, columns.event),
            "quantity": numbers(columns.quantity, 1.0),
            "amount": numbers(columns.amount, None),
            "price": numbers(columns.price, None),
            "order": ids(columns.order),
            "time": times(),
            "event_id": ids(event_id),
            FILE: _constant(name, pl.String(), raw.height).cast(pl.Categorical),
            LINE: raw[LINE],
        }
    )


def _constant(value: float | str | None, dtype: pl.DataType, length: int) -> pl.Series:
    return pl.Series([value], dtype=dtype).new_from_index(0, length)


def _events(raw: pl.DataFrame, column: str | None) -> pl.Series:
    if column not in raw.columns:
        return _constant(int(Event.PURCHASE), pl.Int8(), raw.height)
    labels = raw[column].cast(pl.String).str.strip_chars().str.to_lowercase()
    numbers = {event.label: int(event) for event in Event}
    return labels.replace_strict(numbers, default=None, return_dtype=pl.Int8)


def _reason(limits: CleaningSettings) -> pl.Expr:
    """Say why a row makes no sense; null where it does. The first reason counts."""
    quantity, amount, price, time = pl.col("quantity"), pl.col("amount"), pl.col("price"), pl.col("time")
    is_purchase = pl.col("event") == int(Event.PURCHASE)
    earliest = pl.lit(limits.earliest).cast(pl.Datetime("us")).dt.epoch("s")
    latest = limits.latest or LAST_DAY
    end = pl.lit(latest).dt.offset_by("1d").cast(pl.Datetime("us")).dt.epoch("s")
    kept_quantity = quantity.cast(pl.Float32)  # what `Interactions` can hold: 1e-320 is zero there
    rules = {
        "the event is unknown": pl.col("event").is_null(),
        "the item is empty": pl.col("item").is_null(),
        "the item cannot be an id": _is_no_id("item"),
        "the user cannot be an id": _is_no_id("user"),
        "the time cannot be read": time.is_null(),
        f"the time is before {limits.earliest}": time < earliest,
        "the quantity is empty": quantity.is_null() & is_purchase,
        "the quantity is not a number": ~quantity.is_finite(),
        "the quantity is zero": kept_quantity == 0,
        f"the quantity is above {limits.max_quantity:g}": (quantity.abs() > limits.max_quantity)
        | kept_quantity.is_infinite(),
        "the amount is not a number": ~amount.is_finite() | (amount.is_null() & ~price.is_finite()),
        f"the amount is above {MOST_MONEY:g}": pl.coalesce(amount, price * quantity.fill_null(1.0)).abs() > MOST_MONEY,
        f"the time is after {latest}": time >= end,
    }
    return pl.coalesce(pl.when(rule).then(pl.lit(reason)) for reason, rule in rules.items()).alias(REASON)


def _is_no_id(column: str) -> pl.Expr:
    return (pl.col(column).str.len_bytes() > MAX_ID_BYTES) | pl.col(column).str.contains(CONTROL_CHARACTER)


def _unused() -> pl.Expr:
    reasons = {int(event): f"{event.label} events are not learned from" for event in Event if event not in USED}
    return pl.col("event").replace_strict(reasons, default=None, return_dtype=pl.String).alias("unused")


def _with_known_amounts(rows: pl.DataFrame) -> pl.DataFrame:
    """Fill in what follows from the rest: one unit, price × quantity, and which lines are refunds."""
    quantity = pl.col("quantity").fill_null(1.0)
    amount = pl.coalesce("amount", pl.col("price") * quantity)
    is_return = (pl.col("event") == int(Event.RETURN)) | (
        (pl.col("event") == int(Event.PURCHASE)) & ((quantity < 0) | (amount < 0))
    )
    return rows.with_columns(
        pl.when(is_return).then(pl.lit(int(Event.RETURN), pl.Int8)).otherwise("event").alias("event"),
        quantity.abs().alias("quantity"),
        amount.abs().alias("amount"),
    ).select(ROW_SCHEMA.names())


def _require_some_time(name: str, raw: pl.DataFrame, rows: pl.DataFrame, settings: PurchaseSettings) -> None:
    column = settings.columns.time
    if rows["time"].is_not_null().any():
        return
    values = raw[column].drop_nulls()
    example = repr(str(values[0])) if len(values) else "empty"
    how = f"time_format = {settings.time_format!r}" if settings.time_format else "an ISO date"
    raise InvalidInput(
        f"{name}: none of the {raw.height} values of {column!r} can be read as {how}; the first is {example}. "
        f"Set time_format in [purchases], such as '%d.%m.%Y %H:%M'"
    )


def _refused(table: Table, raw: pl.DataFrame, reasons: pl.Series, is_refused: pl.Series) -> pl.DataFrame:
    rows = raw.with_columns(reasons).filter(is_refused)
    originals = rows.select(
        pl.lit(table.name).alias(FILE), LINE, REASON, pl.exclude(LINE, REASON).cast(pl.String, strict=False)
    )
    if not table.unreadable:
        return originals
    lines = {
        LINE: list(table.unreadable),
        "text": list(table.unreadable.values()),
    }
    unreadable = pl.DataFrame(lines, schema={LINE: pl.Int64, "text": pl.String}).select(
        pl.lit(table.name).alias(FILE), LINE, pl.lit("the line is no JSON object").alias(REASON), "text"
    )
    return pl.concat([originals, unreadable], how="diagonal")
