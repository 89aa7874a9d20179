"""Recipients as a Parquet file: the columns of the CSV with their types, and nothing changed in them.

Rows reach the file some thousand at a time through polars' streaming engine, so memory does not grow with the send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from serving.campaigns.rows import LINK_COLUMNS, PICK_COLUMNS, Links, header, said, sent_on
from serving.campaigns.snapshot import Sent, Snapshot

ROWS = 8192
"""Rows of one group of the file."""

_NUMBERS = {
    "recency_days": pl.Int32(),
    "frequency": pl.Int32(),
    "monetary": pl.Float64(),
    "alive": pl.Float64(),
    "next_order_date": pl.Date(),
    "next_order_from": pl.Date(),
    "next_order_until": pl.Date(),
}


def schema_of(slots: int) -> pl.Schema:
    """Return the columns and their types."""
    types: dict[str, pl.DataType] = {name: pl.String() for name in header(slots)} | _NUMBERS
    return pl.Schema(types | {f"rec_{slot}_price": pl.Float64() for slot in range(1, slots + 1)})


def write_parquet(path: Path, snapshot: Snapshot, links: Links | None, *, on_rows: Callable[[int], None]) -> int:
    """Write all recipients, and return how many."""
    schema, written = schema_of(snapshot.slots), 0

    def source(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        nonlocal written
        is_asked_for_less = predicate is not None or n_rows is not None or with_columns not in (None, schema.names())
        assert not is_asked_for_less, f"all of it is written, in groups of {ROWS} rows, not of {batch_size}"
        sents = iter(snapshot)
        while rows := list(islice(sents, ROWS)):
            values = [_values(sent, snapshot, links) for sent in rows]
            yield pl.DataFrame(values, schema=schema, orient="row")
            written += len(rows)
            on_rows(len(rows))

    register_io_source(source, schema=schema).sink_parquet(path, row_group_size=ROWS, maintain_order=True)
    return written


def _values(sent: Sent, snapshot: Snapshot, links: Links | None) -> list[Any]:
    today, cells = sent_on(snapshot), []
    for slot, pick in enumerate(sent.picks):
        item = pick.item
        cells += [item.item_id, item.title, item.url, item.image_url, item.price, said(pick, today=today)]
        cells += [None, None] if links is None else [links.click(sent.number, slot), links.image(sent.number, slot)]
    empty = (snapshot.slots - len(sent.picks)) * (len(PICK_COLUMNS) + len(LINK_COLUMNS))
    return [
        sent.user_id,
        sent.segment.label,
        sent.recency_days,
        sent.frequency,
        sent.monetary,
        sent.alive,
        sent.next_order,
        sent.next_order_from,
        sent.next_order_until,
        sent.coupon_tier,
        *cells,
        *[None] * empty,
        sent.slate_id,
    ]
