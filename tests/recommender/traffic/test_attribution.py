"""Each action has the shelf of its last touch, or none."""

import time

import numpy as np
import pytest
from hypothesis import given, settings

from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.traffic.attribution import ACTIONS, Trace, Window, attribute
from recommender.traffic.columns import NONE, Traffic
from tests.traffic_rows import DAY, TYPES, Row, many_rows, rows_of, traffic_of

IMPRESSION, CLICK, CART, PURCHASE = Event.IMPRESSION, Event.CLICK, Event.ADD_TO_CART, Event.PURCHASE
WINDOW = Window(click_days=2.0, view_days=1.0)
HOME, MAIL = 0, 1

Shelf = tuple[Trace, int, int, int]
"""Trace, placement, rank and slate."""


def traced(*rows: Row, window: Window = WINDOW) -> list[Shelf]:
    """The shelf of each row, in the order of traffic."""
    found = attribute(traffic_of(*rows), window)
    columns = (found.trace, found.placement, found.rank, found.slate)
    return [(Trace(row[0]), *row[1:]) for row in zip(*(column.tolist() for column in columns), strict=True)]


def by_loop(rows: list[Row]) -> list[Shelf]:
    """The same, the slow way: for each row, look back through all others."""
    found: list[Shelf] = []
    is_touch: list[bool] = []
    for at, row in enumerate(rows):
        shelf = (Trace.NONE, NONE, 0, NONE)
        touches = False
        if row.event == IMPRESSION or row.event in ACTIONS:
            shelf = _named(rows, row)
            touches = shelf[0] is Trace.NAMED and row.event != PURCHASE
        if shelf[0] is Trace.NONE and row.event in ACTIONS and row.visitor != NONE:
            shelf = _before(rows, found, is_touch, at)
            touches = row.event == CLICK and shelf[0] is not Trace.NONE
        found.append(shelf)
        is_touch.append(touches)
    return found


def _named(rows: list[Row], row: Row) -> Shelf:
    if row.slate == NONE and row.placement == NONE:
        return Trace.NONE, NONE, 0, NONE
    placement, rank = row.placement, row.rank
    shown = next(
        (one for one in rows if one.event == IMPRESSION and (one.slate, one.item) == (row.slate, row.item)), None
    )
    if row.event != IMPRESSION and row.slate != NONE and shown is not None:
        if row.event != CLICK and row.time - shown.time > WINDOW.click_days * DAY:
            return Trace.NONE, NONE, 0, NONE
        placement = shown.placement if placement == NONE else placement
        rank = rank or shown.rank
    return Trace.NAMED, placement, rank, row.slate


def _before(rows: list[Row], found: list[Shelf], is_touch: list[bool], at: int) -> Shelf:
    row = rows[at]
    same = [
        place
        for place in range(at - 1, -1, -1)
        if is_touch[place] and (rows[place].visitor, rows[place].item) == (row.visitor, row.item)
    ]
    clicked = next((place for place in same if rows[place].event != IMPRESSION), None)
    if row.event != CLICK and clicked is not None and row.time - rows[clicked].time <= WINDOW.click_days * DAY:
        return (Trace.CLICKED, *found[clicked][1:])
    seen = next((place for place in same if rows[place].event == IMPRESSION), None)
    if seen is not None and row.time - rows[seen].time <= WINDOW.view_days * DAY:
        return (Trace.SEEN, *found[seen][1:])
    return Trace.NONE, NONE, 0, NONE


@settings(max_examples=400)
@given(many_rows)
def test_vectors_and_a_loop_agree(rows: list[Row]) -> None:
    """Any mixture of events is traced as by looking back through all of them."""
    assert traced(*rows) == by_loop(rows_of(traffic_of(*rows)))


def test_a_click_counts_more_than_a_later_view() -> None:
    """Bought after a click at home and a view in a mail: home's, at the position it had there."""
    shelves = traced(
        Row(event=IMPRESSION, time=0, slate=0, placement=HOME, rank=3),
        Row(event=CLICK, time=10, slate=0),
        Row(event=IMPRESSION, time=20, slate=1, placement=MAIL, rank=1),
        Row(event=PURCHASE, time=30),
    )
    assert shelves[-1] == (Trace.CLICKED, HOME, 3, 0)


def test_the_last_of_two_views_counts() -> None:
    """Without a click, what was seen last."""
    shelves = traced(
        Row(event=IMPRESSION, time=0, slate=0, placement=HOME, rank=3),
        Row(event=IMPRESSION, time=20, slate=1, placement=MAIL, rank=1),
        Row(event=PURCHASE, time=30),
    )
    assert shelves[-1] == (Trace.SEEN, MAIL, 1, 1)


@pytest.mark.parametrize(
    ("days", "touch", "trace"),
    [(2.0, CLICK, Trace.CLICKED), (2.01, CLICK, Trace.NONE), (1.0, IMPRESSION, Trace.SEEN), (1.01, IMPRESSION, 0)],
)
def test_windows_end(days: float, touch: Event, trace: Trace) -> None:
    """A touch counts up to the end of its window, that moment included."""
    shelves = traced(Row(event=touch, slate=0, placement=HOME, rank=1), Row(event=PURCHASE, time=round(days * DAY)))
    assert shelves[-1][0] == trace


def test_another_visitor_and_another_item_are_not_traced() -> None:
    """What one saw does not explain what another bought."""
    shown = Row(event=IMPRESSION, slate=0, placement=HOME, rank=1)
    bought = (Row(event=PURCHASE, time=5, visitor=1), Row(event=PURCHASE, time=5, item=1))
    assert [shelf[0] for shelf in traced(shown, *bought)] == [Trace.NAMED, Trace.NONE, Trace.NONE]


def test_a_named_slate_joins_whoever_clicked() -> None:
    """A click from a mail is a guest's, yet it names the slate: its place is known."""
    shelves = traced(
        Row(event=IMPRESSION, visitor=4, slate=7, placement=MAIL, rank=2),
        Row(event=CLICK, time=9, visitor=NONE, slate=7),
    )
    assert shelves[-1] == (Trace.NAMED, MAIL, 2, 7)


def test_windows_below_zero_are_refused() -> None:
    """The message says which."""
    with pytest.raises(InvalidInput, match="-1"):
        Window(click_days=-1)


@pytest.mark.slow
def test_a_million_events_take_seconds() -> None:
    """Everything is done in columns: a million events in a few seconds, whatever the machine."""
    n, rng = 1_000_000, np.random.default_rng(1)
    kinds = np.array([IMPRESSION, CLICK, CART, PURCHASE], dtype=np.int8)
    columns = {
        "event": rng.choice(kinds, n, p=[0.9, 0.06, 0.02, 0.02]),
        "time": rng.integers(0, 60 * DAY, n),
        "visitor": rng.integers(0, 50_000, n),
        "item": rng.integers(0, 5_000, n),
        "slate": np.where(rng.random(n) < 0.8, rng.integers(0, 100_000, n), NONE),
        "placement": rng.integers(-1, 5, n),
        "rank": rng.integers(0, 11, n),
        "order": rng.integers(0, 20_000, n),
        "quantity": np.ones(n),
        "amount": rng.random(n),
    }
    started = time.process_time()
    traffic = Traffic.of(**{name: column.astype(TYPES[name]) for name, column in columns.items()})
    found = attribute(traffic, WINDOW)
    assert time.process_time() - started < 30
    assert (found.trace > 0).any()
