"""Purchases that were undone."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.events import Event
from training.returns import net_returns

Movement = tuple[str | None, str, Event, float, float | None, str | None, int]
NAMES = ["user", "item", "event", "quantity", "amount", "order", "time"]
SCHEMA = dict(
    zip(NAMES, [pl.String(), pl.String(), pl.Int8(), pl.Float64(), pl.Float64(), pl.String(), pl.Int64()], strict=True)
)


def log(*movements: Movement) -> pl.DataFrame:
    """Rows as cleaning has them."""
    return pl.DataFrame([(*m[:2], int(m[2]), *m[3:]) for m in movements], schema=SCHEMA, orient="row")


def test_latest_purchase_is_taken_back_first() -> None:
    """Newest first, unit by unit, and the amount shrinks with the quantity."""
    netted = net_returns(
        log(
            ("ann", "tea", Event.PURCHASE, 2, 4.0, "o1", 1),
            ("ann", "tea", Event.PURCHASE, 4, 8.0, "o2", 2),
            ("ann", "tea", Event.RETURN, 5, 10.0, None, 3),
        )
    )
    assert netted.rows.select("quantity", "amount", "time").rows() == [(1.0, 2.0, 1)]
    assert (netted.n_undone, netted.n_matched, netted.unmatched.height) == (1, 1, 0)


def test_a_return_looks_back_only() -> None:
    """What is bought after a return is wanted; other users and other items are not touched."""
    rows = log(
        ("ann", "tea", Event.RETURN, 1, 1.0, None, 1),
        ("ann", "tea", Event.PURCHASE, 1, 1.0, "o1", 2),
        ("ann", "milk", Event.PURCHASE, 1, 1.0, "o1", 0),
        ("bob", "tea", Event.PURCHASE, 1, 1.0, "o2", 0),
    )
    netted = net_returns(rows)
    assert netted.rows.height == 3
    assert netted.unmatched.height == 1


def test_bought_and_returned_in_the_same_second() -> None:
    """A till that writes both at once means the purchase first."""
    netted = net_returns(
        log(("ann", "tea", Event.RETURN, 1, 1.0, "o1", 1), ("ann", "tea", Event.PURCHASE, 1, 1.0, "o1", 1))
    )
    assert netted.rows.is_empty()


def test_guests_return_within_their_order() -> None:
    """Nobody knows who a guest was: only their own order can be taken back."""
    netted = net_returns(
        log(
            (None, "tea", Event.PURCHASE, 1, 1.0, "o1", 1),
            (None, "tea", Event.PURCHASE, 1, 1.0, "o2", 1),
            (None, "tea", Event.RETURN, 1, 1.0, "o2", 2),
            (None, "tea", Event.RETURN, 1, 1.0, None, 2),
        )
    )
    assert netted.rows["order"].to_list() == ["o1"]
    assert netted.unmatched.height == 1


def test_clicks_are_not_bought() -> None:
    """A return takes no click back."""
    netted = net_returns(
        log(("ann", "tea", Event.CLICK, 1, None, None, 1), ("ann", "tea", Event.RETURN, 1, 1, None, 2))
    )
    assert netted.rows.height == 1
    assert netted.unmatched.height == 1


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=12))
def test_quantities_balance(moves: list[tuple[bool, int]]) -> None:
    """What is left is what a shelf of units would hold: bought minus returned, never below zero."""
    stock = 0.0
    rows: list[Movement] = []
    for time, (buys, quantity) in enumerate(moves):
        event = Event.PURCHASE if buys else Event.RETURN
        rows.append(("ann", "tea", event, quantity, quantity * 2.0, f"o{time}", time))
        stock = stock + quantity if buys else max(0.0, stock - quantity)
    netted = net_returns(log(*rows))
    assert netted.rows["quantity"].sum() == stock
    assert netted.rows["amount"].sum() == pytest.approx(2 * stock)
    assert (netted.rows["event"] == int(Event.PURCHASE)).all()
