"""Rows of traffic for tests: written one by one, or drawn by hypothesis."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from recommender.events import Event
from recommender.traffic.columns import NONE, Traffic

DAY = 86_400

TYPES: dict[str, Any] = {
    "event": np.int8,
    "time": np.int64,
    "visitor": np.int32,
    "item": np.int32,
    "slate": np.int32,
    "placement": np.int32,
    "rank": np.int32,
    "order": np.int32,
    "quantity": np.float64,
    "amount": np.float64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event."""

    event: Event
    time: int = 0
    visitor: int = 0
    item: int = 0
    slate: int = NONE
    placement: int = NONE
    rank: int = 0
    order: int = NONE
    quantity: float = 1.0
    amount: float = float("nan")


def columns_of(rows: Sequence[Row]) -> dict[str, Any]:
    """The rows as columns, in their order."""
    return {name: np.array([getattr(row, name) for row in rows], dtype=kind) for name, kind in TYPES.items()}


def traffic_of(*rows: Row) -> Traffic:
    """The rows as traffic."""
    return Traffic.of(**columns_of(rows))


def rows_of(traffic: Traffic) -> list[Row]:
    """Traffic as rows, in its order."""
    names = [field.name for field in dataclasses.fields(Row)]
    columns = [getattr(traffic, name).tolist() for name in names]
    return [Row(**dict(zip(names, values, strict=True))) for values in zip(*columns, strict=True)]


KINDS = (
    Event.IMPRESSION,
    Event.CLICK,
    Event.ADD_TO_CART,
    Event.PURCHASE,
    Event.PURCHASE,
    Event.RETURN,
    Event.NOT_INTERESTED,
)

any_row = st.builds(
    Row,
    event=st.sampled_from(KINDS),
    time=st.integers(0, 12).map(lambda hours: hours * DAY // 3),
    visitor=st.integers(-1, 2),
    item=st.integers(0, 2),
    slate=st.integers(-1, 3),
    placement=st.integers(-1, 2),
    rank=st.integers(0, 3),
    order=st.integers(0, 4),
    quantity=st.sampled_from([1.0, 2.0, 3.0]),
    amount=st.sampled_from([2.0, 5.0, float("nan")]),
)
many_rows = st.lists(any_row, max_size=40)
