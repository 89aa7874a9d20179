"""Hypothesis strategies for the laws: arbitrary valid ids and arbitrary small valid logs."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from recommender.events import Event
from recommender.ids import IdMap
from recommender.interactions import GUEST, Interactions
from tests.planted import START

ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
"""Any valid id."""


@st.composite
def logs(
    draw: st.DrawFn,
    *,
    max_rows: int = 40,
    min_rows: int = 0,
    purchases_only: bool = False,
    guests: bool = True,
) -> Interactions:
    """Draw a valid log of up to 6 users, 8 items, 10 orders and a year; with all events, unless told otherwise."""
    n_users, n_items = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    # Half of the rows are purchases: most laws are about them.
    events = [Event.PURCHASE] * len(Event) + ([] if purchases_only else list(Event))
    row = st.tuples(
        st.integers(GUEST if guests else 0, n_users - 1),
        st.integers(0, n_items - 1),
        st.sampled_from(events),
        st.sampled_from([0.5, 1.0, 2.0, 24.0]),
        st.sampled_from([0.0, 0.99, 3.5, 1000.0]),
        st.integers(0, 9),
        st.integers(0, 365 * 86_400),
    )
    columns = list(zip(*draw(st.lists(row, min_size=min_rows, max_size=max_rows)), strict=True)) or [()] * 7
    return Interactions.from_columns(
        IdMap.from_values(f"u{k}" for k in range(n_users)),
        IdMap.from_values(f"i{k}" for k in range(n_items)),
        user=np.array(columns[0], dtype=np.int32),
        item=np.array(columns[1], dtype=np.int32),
        event=np.array(columns[2], dtype=np.int8),
        quantity=np.array(columns[3], dtype=np.float32),
        amount=np.array(columns[4], dtype=np.float64),
        order=np.array(columns[5], dtype=np.int32),
        time=START + np.array(columns[6], dtype="timedelta64[s]"),
    )
