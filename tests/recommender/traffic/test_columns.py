"""Traffic has one order, and each place of a slate once."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.traffic.columns import Traffic
from tests.traffic_rows import Row, columns_of, many_rows, rows_of, traffic_of


@given(many_rows, st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_matter(rows: list[Row], chance: random.Random) -> None:
    """Shuffled rows give the same columns, value by value."""
    shuffled = rows.copy()
    chance.shuffle(shuffled)
    assert repr(rows_of(traffic_of(*shuffled))) == repr(rows_of(traffic_of(*rows)))


@given(many_rows)
def test_time_ascends_and_nothing_else_is_lost(rows: list[Row]) -> None:
    """Only repeated impressions and clicks of one place of one slate go."""
    traffic = traffic_of(*rows)
    assert (np.diff(traffic.time) >= 0).all()
    once = (Event.IMPRESSION, Event.CLICK)
    places = {(row.event, row.slate, row.item) for row in rows if row.event in once and row.slate >= 0}
    others = [row for row in rows if row.event not in once or row.slate < 0]
    assert len(traffic) == len(places) + len(others)


def test_what_happens_in_one_second_has_an_order() -> None:
    """Shown, clicked, put into the cart, bought, returned."""
    kinds = [Event.IMPRESSION, Event.CLICK, Event.ADD_TO_CART, Event.PURCHASE, Event.RETURN]
    traffic = traffic_of(*(Row(event=kind) for kind in reversed(kinds)))
    assert [row.event for row in rows_of(traffic)] == kinds


def test_columns_of_different_lengths_are_refused() -> None:
    """The message names the lengths."""
    columns = columns_of([Row(event=Event.CLICK)])
    with pytest.raises(InvalidInput, match="'rank': 0"):
        Traffic(**columns | {"rank": np.empty(0, np.int32)})
