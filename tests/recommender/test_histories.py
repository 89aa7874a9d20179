"""Histories: a person's past equals the obvious sums over the log, and fresh events continue it."""

import dataclasses
from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.confidence import Confidence
from recommender.errors import InvalidInput
from recommender.events import POSITIVE, Event
from recommender.histories import HALF_LIVES_DAYS, FreshEvent, Histories, History
from recommender.interactions import GUEST, SECONDS_PER_DAY, Interactions
from tests.planted import Line, at, log_of
from tests.strategies import logs

CONFIDENCE = Confidence(alpha=10.0, half_life_days=90.0)
NOW = at(400)


def one_order_per_moment(log: Interactions) -> Interactions:
    """The same rows, in which an order is what happened at one moment, as it is for fresh events."""
    columns: dict[str, npt.NDArray[Any]] = {
        name: getattr(log, name) for name in ("user", "item", "event", "quantity", "amount", "time")
    }
    order = np.unique(log.time, return_inverse=True)[1].astype(np.int32)
    return Interactions.from_columns(log.users, log.items, order=order, **columns)


def fresh_events(log: Interactions, user: int) -> list[FreshEvent]:
    """What the API would have received of one user."""
    return [
        FreshEvent(int(log.item[row]), Event(int(log.event[row])), float(log.quantity[row]), log.time[row])
        for row in np.flatnonzero(log.user == user)
    ]


def seconds(day: float) -> int:
    """Seconds since 1970 of a day of a planted log."""
    return int(at(day).astype(np.int64))


def assert_same_past(first: History, second: History, *, confidence: bool = True) -> None:
    """Equal items, counts and times; decayed counts at the later of the two moments."""
    end = max(first.at, second.at)
    assert first.item.tolist() == second.item.tolist()
    assert first.orders.tolist() == second.orders.tolist()
    assert first.first.tolist() == second.first.tolist()
    assert first.last.tolist() == second.last.tolist()
    np.testing.assert_allclose(first.decayed_at(end), second.decayed_at(end), rtol=1e-4, atol=1e-12)
    if confidence:
        np.testing.assert_allclose(first.confidence, second.confidence, rtol=1e-5)


@given(logs())
def test_histories_equal_their_definition(log: Interactions) -> None:
    """Orders are distinct orders, times span the purchases, and looks count only where nothing was bought."""
    histories = Histories.from_interactions(log, CONFIDENCE, now=NOW)
    rows = defaultdict(list)
    gains = CONFIDENCE.of_rows(log, now=NOW)
    for row in range(len(log)):
        if log.user[row] != GUEST and log.event[row] in POSITIVE:
            rows[int(log.user[row]), int(log.item[row])].append(row)
    assert len(histories) == len(log.users)
    for user in range(len(log.users)):
        history = histories.of(user)
        assert history.user_index == user
        assert not history.changed
        assert history.item.tolist() == sorted(item for owner, item in rows if owner == user)
        for position, item in enumerate(history.item.tolist()):
            mine = rows[user, item]
            bought = [row for row in mine if log.event[row] == Event.PURCHASE]
            orders = {int(log.order[row]): row for row in reversed(bought)}
            times = log.time[bought or mine].astype(np.int64)
            ages = [float((NOW - log.time[row]).astype(np.int64)) / SECONDS_PER_DAY for row in orders.values()]
            assert history.orders[position] == len(orders)
            assert (history.first[position], history.last[position]) == (times.min(), times.max())
            expected = [sum(2 ** (-age / half_life) for age in ages) for half_life in HALF_LIVES_DAYS]
            np.testing.assert_allclose(history.decayed[position], expected, rtol=1e-4, atol=1e-12)
            np.testing.assert_allclose(history.confidence[position], 1 + gains[mine].sum(), rtol=1e-5)


@given(logs(guests=False), st.integers(0, 400), st.randoms(use_true_random=False))
def test_fresh_events_continue_the_log(log: Interactions, cut_day: int, random: Any) -> None:
    """A past brought up to date equals the past of the whole log, also when some rows arrive late."""
    log, cut = one_order_per_moment(log), at(cut_day)
    late = np.array([random.random() < 0.3 for _ in range(len(log))], dtype=np.bool_)
    # Rows of one moment are one order, and an order is known as a whole.
    known = (log.time < cut) & ~np.isin(log.time, log.time[late])
    base = Histories.from_interactions(log.select(known), CONFIDENCE, now=cut)
    whole = Histories.from_interactions(log, CONFIDENCE, now=NOW)
    for user in range(len(log.users)):
        updated = base.of(user).with_events(fresh_events(log.select(~known), user), CONFIDENCE)
        # Confidence is not compared: what is fresh is not yet old, and the factors know the base as it was.
        assert_same_past(updated, whole.of(user), confidence=False)


@given(logs(guests=False), st.randoms(use_true_random=False))
def test_order_of_events_does_not_matter(log: Interactions, random: Any) -> None:
    """Events are facts with a time; the queue may deliver them in any order."""
    events = fresh_events(log, 0)
    shuffled = random.sample(events, len(events))
    start = History.empty(at(100))
    first, second = start.with_events(events, CONFIDENCE), start.with_events(shuffled, CONFIDENCE)
    assert first.at == second.at
    assert_same_past(first, second)


@given(logs(guests=False))
def test_the_original_is_left_alone(log: Interactions) -> None:
    """Bringing a past up to date makes a new one: other threads read the old one."""
    histories = Histories.from_interactions(log, CONFIDENCE, now=at(200))
    columns = ("item", "orders", "first", "last", "decayed", "confidence")
    before = {name: getattr(histories, name).copy() for name in columns}
    for user in range(len(histories)):
        histories.of(user).with_events(fresh_events(log, user), CONFIDENCE)
    for name, column in before.items():
        np.testing.assert_array_equal(getattr(histories, name), column)


def test_two_lines_of_an_order_count_once() -> None:
    """Splitting a line in two makes no second order, in the log and in fresh events alike."""
    split = [Line("ann", "tea", day=1, quantity=1, order="a"), Line("ann", "tea", day=1, quantity=3, order="a")]
    history = Histories.from_interactions(log_of(split), CONFIDENCE, now=at(2)).of(0)
    assert history.orders.tolist() == [1.0]
    lines = [FreshEvent(0, Event.PURCHASE, quantity, at(1)) for quantity in (1.0, 3.0)]
    assert History.empty(at(0)).with_events(lines, CONFIDENCE).orders.tolist() == [1.0]


@pytest.mark.parametrize("event", [Event.CLICK, Event.ADD_TO_CART])
def test_looking_raises_confidence_only(event: Event) -> None:
    """A click on an owned item is no order and moves no date; on another one it is no purchase."""
    base = Histories.from_interactions(log_of([Line("ann", "tea", day=1)], items=["milk"]), CONFIDENCE, now=at(2)).of(0)
    looks = [FreshEvent(item, event, 1.0, at(5)) for item in (0, 1)]
    looked = base.with_events(looks, CONFIDENCE)
    assert looked.item.tolist() == [0, 1]
    assert looked.owned.tolist() == [1]
    assert looked.orders.tolist() == [0, 1]
    assert looked.first.tolist() == [seconds(5), seconds(1)]
    assert looked.last.tolist() == [seconds(5), seconds(1)]
    gain = CONFIDENCE.gain(event, 1.0)
    np.testing.assert_allclose(looked.confidence, [1 + gain, base.confidence[0] + gain])
    assert looked.changed
    assert not base.changed


def test_buying_what_was_looked_at_starts_its_past() -> None:
    """The look says nothing about when an item was first or last bought."""
    looked = History.empty(at(0)).with_events([FreshEvent(3, Event.CLICK, 1.0, at(9))], CONFIDENCE)
    bought = looked.with_events([FreshEvent(3, Event.PURCHASE, 1.0, at(8))], CONFIDENCE)
    assert bought.owned.tolist() == [3]
    assert bought.first.tolist() == bought.last.tolist() == [seconds(8)]


@pytest.mark.parametrize("event", sorted(set(Event) - POSITIVE))
def test_negative_events_change_nothing(event: Event) -> None:
    """What a user does not want is a rule, not a preference of zero."""
    stranger = History.empty(at(0))
    assert stranger.with_events([FreshEvent(0, event, 1.0, at(1))], CONFIDENCE) is stranger


def test_event_without_weight_is_no_interest() -> None:
    """A shop that gives clicks no weight has them in no history, as it has them in no matrix."""
    unmoved = Confidence(event_weights={Event.PURCHASE: 1.0})
    log = log_of([Line("ann", "tea", event=Event.CLICK), Line("ann", "milk")])
    history = Histories.from_interactions(log, unmoved, now=at(1)).of(0)
    assert history.item.tolist() == [log.items.index("milk")]
    click = FreshEvent(log.items.index("tea"), Event.CLICK, 1.0, at(1))
    assert history.with_events([click], unmoved) is history


def test_owns_answers_for_any_items() -> None:
    """Bought items, looked-at items, unknown items and no item at all, in any order."""
    events = [FreshEvent(2, Event.PURCHASE, 1.0, at(1)), FreshEvent(4, Event.CLICK, 1.0, at(1))]
    history = History.empty(at(0)).with_events(events, CONFIDENCE)
    assert history.owns(np.array([4, 2, 9, -1, 2], dtype=np.int32)).tolist() == [False, True, False, False, True]
    assert not History.empty(at(0)).owns(np.array([0, -1], dtype=np.int32)).any()


def test_no_time_makes_a_count_overflow() -> None:
    """A clock that is a thousand years ahead, then right again, leaves finite numbers."""
    event = FreshEvent(0, Event.PURCHASE, 1.0, np.datetime64("3024-01-01", "s"))
    history = History.empty(at(0)).with_events([event], CONFIDENCE)
    assert np.isfinite(history.decayed_at(at(0))).all()


def test_rows_after_now_count_as_now() -> None:
    """As in the confidence and in popularity."""
    log = log_of([Line("ann", "tea", day=500)])
    assert Histories.from_interactions(log, CONFIDENCE, now=at(1)).of(0).decayed.tolist() == [[1.0, 1.0, 1.0]]


def test_columns_of_another_length_are_refused() -> None:
    """Histories whose columns disagree are no histories."""
    histories = Histories.from_interactions(log_of([Line("ann", "tea")]), CONFIDENCE, now=at(1))
    with pytest.raises(InvalidInput, match="indptr"):
        dataclasses.replace(histories, orders=np.empty(0, np.float32))
