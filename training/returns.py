"""Purchases that were undone.

A return takes back the user's latest earlier purchases of the same item, newest first, unit by unit. A
purchase that is taken back completely disappears; one that is taken back in part keeps the rest of its
quantity and of its amount. A return with no earlier purchase in the log (the purchase was before the log
began) has nothing to take back.

A guest's return counts within its own order only: nobody knows who the guest was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from recommender.events import Event

_ROW = "__row"
_KEY = ["item", "owner"]


@dataclass(frozen=True, slots=True)
class NettedRows:
    """A log without returns, and what became of them."""

    rows: pl.DataFrame
    n_undone: int
    """Purchases that were taken back completely."""
    n_matched: int
    """Returns that took something back."""
    unmatched: pl.DataFrame
    """Returns without an earlier purchase."""


@dataclass(slots=True)
class _Left:
    """A purchase and what is left of it."""

    row: int
    quantity: float
    amount: float | None


def net_returns(rows: pl.DataFrame) -> NettedRows:
    """Let every return in `rows` take back what was bought before it."""
    is_return = pl.col("event") == int(Event.RETURN)
    if not rows.select(is_return.any()).item():
        return NettedRows(rows, 0, 0, rows.clear())
    owner = pl.coalesce("user", pl.concat_str(pl.lit("\0"), "order"))  # no id holds a control character
    numbered = rows.with_columns(owner.alias("owner")).with_row_index(_ROW)
    matched: set[int] = set()
    left = list(_settle(_touched(numbered), matched))
    numbered = _replaced(numbered, left)
    returns = numbered.filter(is_return)
    is_matched = pl.col(_ROW).is_in(list(matched))
    kept = numbered.filter(~is_return & (pl.col("quantity") > 0)).select(rows.columns)
    return NettedRows(
        rows=kept,
        n_undone=sum(purchase.quantity == 0 for purchase in left),
        n_matched=len(matched),
        unmatched=returns.filter(~is_matched).select(rows.columns),
    )


def _touched(numbered: pl.DataFrame) -> pl.DataFrame:
    """Return purchases and returns of the pairs that have a return, in the order in which they happened."""
    is_return = pl.col("event") == int(Event.RETURN)
    returned = numbered.filter(is_return, pl.col("owner").is_not_null()).select(_KEY).unique()
    movements = numbered.filter(is_return | (pl.col("event") == int(Event.PURCHASE)))
    return movements.join(returned, on=_KEY, how="semi").sort(*_KEY, "time", is_return, "quantity", _ROW)


def _settle(movements: pl.DataFrame, matched: set[int]) -> Iterator[_Left]:
    """Yield every purchase that lost something; note the rows of returns that took something in `matched`."""
    columns = movements.select(*_KEY, _ROW, "event", "quantity", "amount")
    pair: tuple[str, str] | None = None
    bought: list[_Left] = []
    for item, owner, row, event, quantity, amount in columns.iter_rows():
        if (item, owner) != pair:
            pair, bought = (item, owner), []
        if event == Event.PURCHASE:
            bought.append(_Left(row, quantity, amount))
            continue
        if bought:
            matched.add(row)
        yield from _take_back(bought, quantity)


def _take_back(bought: list[_Left], quantity: float) -> Iterator[_Left]:
    while bought and quantity > 0:
        latest = bought[-1]
        taken = min(quantity, latest.quantity)
        quantity -= taken
        if taken == latest.quantity:
            bought.pop()
            yield _Left(latest.row, 0.0, 0.0)
            continue
        if latest.amount is not None:
            latest.amount *= (latest.quantity - taken) / latest.quantity
        latest.quantity -= taken
        yield _Left(latest.row, latest.quantity, latest.amount)


def _replaced(numbered: pl.DataFrame, left: list[_Left]) -> pl.DataFrame:
    last = {purchase.row: purchase for purchase in left}
    changes = pl.DataFrame(
        {
            _ROW: list(last),
            "quantity": [purchase.quantity for purchase in last.values()],
            "amount": [purchase.amount for purchase in last.values()],
        },
        schema={_ROW: numbered.schema[_ROW], "quantity": pl.Float64, "amount": pl.Float64},
    )
    return numbered.update(changes, on=_ROW, how="left")
