"""The catalogue: what the shop's files say about its items, for the items that are in the log.

Reading maps columns and templates to the fields of an `Item`; building puts the rows in the order of the
model's items. An item that was sold and is not in the catalogue keeps an empty title and category: it can
still be recommended, and pages show its id. Where no price is mapped, or none is known, the price is what
buyers paid lately: the median unit price of the last `PRICE_DAYS` days, or of the whole log for an item not
sold since.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from recommender.catalogue import Catalogue, Item
from recommender.errors import ConfigError
from recommender.ids import IdMap, id_problem
from recommender.interactions import Interactions
from training.settings import ItemSettings
from training.sources.columns import as_ids, as_numbers
from training.sources.paths import SourceFile
from training.sources.tabular import LINE, Table, WantedColumns, read_table
from training.sources.templates import Template

TEXT_FIELDS = ("title", "category", "department", "brand", "url", "image_url")
PRICE_DAYS = 90
SHOWN_CHARACTERS = 60
"""Of an id in a message."""

_SCHEMA = pl.Schema([("id", pl.String), *((field, pl.String) for field in TEXT_FIELDS), ("price", pl.Float64)])


@dataclass(frozen=True, slots=True)
class ItemRows:
    """The catalogue as read."""

    rows: pl.DataFrame
    """One row per id: `id`, the text fields ("" where unknown) and `price` (null where unknown)."""
    excluded: frozenset[str]
    """Ids that the configuration excludes."""
    n_repeated: int = 0
    """Rows whose id an earlier row has already; the earlier one counts."""
    n_nameless: int = 0
    """Rows without an id."""


def read_items(files: Sequence[SourceFile], settings: ItemSettings) -> ItemRows:
    """Read the catalogue's `files`; without files, nothing is known about any item.

    Raises
    ------
    MissingColumn
        If a mapped column is not there.
    ConfigError
        If a template cannot be understood, or `exclude` names neither a field nor a column.
    """
    templates = _templates(settings)
    wanted = WantedColumns(
        {settings.id: "id in [items]"}
        | {column: f"{field} in [items]" for field, template in templates.items() for column in template.columns}
        | ({settings.price: "price in [items]"} if settings.price else {}),
        optional=[name for name in settings.exclude if name not in TEXT_FIELDS],
    )
    frames, excluded = [_SCHEMA.to_frame()], set[str]()
    for file in files:
        table = read_table(file, wanted, text=settings, section="items")
        rows = _fields(table.frame, templates, settings)
        excluded |= _excluded(table, rows, settings)
        frames.append(rows)
    together = pl.concat(frames)
    named = together.filter(pl.col("id").is_not_null())
    once = named.unique("id", keep="first", maintain_order=True)
    return ItemRows(once, frozenset(excluded), named.height - once.height, together.height - named.height)


def with_unsold_items(interactions: Interactions, items: ItemRows) -> Interactions:
    """Return the same rows over an item map that also holds the catalogue's items that were never bought."""
    listed = set(items.rows["id"]) - items.excluded
    return interactions.with_items(item_id for item_id in listed if id_problem(item_id) is None)


def left_out(items: ItemRows) -> str | None:
    """Say how many rows of the catalogue cannot be items because of their ids, and why; None if all can."""
    ids = items.rows.filter(~pl.col("id").is_in(items.excluded))["id"]
    wrong = [(item_id, problem) for item_id in ids if (problem := id_problem(item_id)) is not None]
    n_rows = len(wrong) + items.n_nameless
    if not n_rows:
        return None
    item_id, problem = wrong[0] if wrong else ("", "it is empty")
    shown = repr(item_id if len(item_id) <= SHOWN_CHARACTERS else f"{item_id[:SHOWN_CHARACTERS]}…")
    rows = "1 row of the catalogue is" if n_rows == 1 else f"{n_rows:,} rows of the catalogue are"
    return f"{rows} left out because of the id, such as {shown}: {problem}; correct the column of id in [items]"


def build_catalogue(items: ItemRows, interactions: Interactions, *, now: np.datetime64) -> Catalogue:
    """Return the catalogue of the items of `interactions`, in their order."""
    known = _ids_frame(interactions.items).join(items.rows, on="id", how="left", maintain_order="left")
    paid = paid_prices(interactions, now=now)
    prices = np.where(known["price"].is_null().to_numpy(), paid, known["price"].fill_null(0.0).to_numpy())
    records = known.with_columns(pl.col(TEXT_FIELDS).fill_null("")).select("id", *TEXT_FIELDS).iter_rows(named=True)
    return Catalogue.from_items(
        [
            Item(item_id=row.pop("id"), price=None if np.isnan(price) else float(price), **row)
            for row, price in zip(records, prices, strict=True)
        ]
    )


def paid_prices(interactions: Interactions, *, now: np.datetime64) -> npt.NDArray[np.float64]:
    """Return (n_items,) the median unit price paid, in the shop's currency; NaN where nothing was paid."""
    purchases = interactions.purchases()
    lines = pl.DataFrame(
        {
            "item": purchases.item,
            "price": purchases.amount / purchases.quantity,
            "is_late": purchases.time >= now - np.timedelta64(PRICE_DAYS, "D"),
        }
    ).filter(pl.col("price") > 0)
    late = pl.col("price").filter("is_late").median()
    medians = lines.group_by("item").agg(pl.coalesce(late, pl.col("price").median()).round(2))
    prices = np.full(len(interactions.items), np.nan)
    prices[medians["item"].to_numpy()] = medians["price"].to_numpy()
    return prices


def _ids_frame(items: IdMap) -> pl.DataFrame:
    return pl.DataFrame({"id": pl.Series(items.ids, dtype=pl.String)})


def _templates(settings: ItemSettings) -> dict[str, Template]:
    mapped = {field: getattr(settings, field) for field in TEXT_FIELDS}
    return {field: Template.parse(text, key=f"{field} in [items]") for field, text in mapped.items() if text}


def _fields(raw: pl.DataFrame, templates: dict[str, Template], settings: ItemSettings) -> pl.DataFrame:
    empty = pl.Series([""]).new_from_index(0, raw.height)
    unknown = pl.Series([None], dtype=pl.Float64).new_from_index(0, raw.height)
    price = unknown
    if settings.price in raw.columns:
        price = as_numbers(raw[settings.price], decimal_comma=settings.decimal_comma)
    is_price = (price > 0) & price.is_finite()
    return pl.DataFrame(
        {
            "id": as_ids(raw[settings.id]) if settings.id in raw.columns else pl.Series([], dtype=pl.String),
            **{field: templates[field].render(raw) if field in templates else empty for field in TEXT_FIELDS},
            "price": price.zip_with(is_price.fill_null(value=False), unknown),
        },
        schema=_SCHEMA,
    )


def _excluded(table: Table, rows: pl.DataFrame, settings: ItemSettings) -> set[str]:
    """Return the ids that `exclude` hits, by field or by column, whatever the case of the letters."""
    found: set[str] = set()
    for name, values in settings.exclude.items():
        if name not in TEXT_FIELDS and name not in table.frame.columns:
            known = [*TEXT_FIELDS, *(column for column in table.frame.columns if column != LINE)]
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"exclude in [items] names {name!r}, neither a field nor a column of {table.name}{hint}")
        column = rows[name] if name in TEXT_FIELDS else table.frame[name].cast(pl.String)
        hit = column.str.to_lowercase().is_in([value.lower() for value in values]).fill_null(value=False)
        found.update(rows["id"].filter(hit).drop_nulls())
    return found
