"""Due dates: when milk runs out, and what is needed most."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.confidence import Confidence
from recommender.events import Event
from recommender.histories import FreshEvent, Histories, History
from recommender.interactions import Interactions
from recommender.loyalty.due import GRACE_GAPS, due_items, likely_by, resting_items, soonest_due
from recommender.loyalty.regularity import with_regularity
from recommender.repeat import RepeatHabits
from tests import planted
from tests.planted import Line, at, log_of
from tests.strategies import logs

CONFIDENCE = Confidence()


def weekly(gap_days: float = 7.0, rate: float = 0.5) -> RepeatHabits:
    """A shop of one item."""
    return RepeatHabits(np.array([rate], dtype=np.float32), np.array([gap_days], dtype=np.float32))


def bought_on(*days: float) -> History:
    """Someone who bought item 0 on these days."""
    events = [FreshEvent(0, Event.PURCHASE, 1.0, at(day)) for day in days]
    return History.empty(at(0)).with_events(events, CONFIDENCE)


def test_need_by_hand() -> None:
    """Two orders ten days apart; own gap (10 + 7) / 2, half a gap later."""
    gap = (10 + 7) / 2
    due = due_items(bought_on(0, 10), weekly(), now=at(10 + gap / 2))
    assert due.item.tolist() == [0]
    assert due.on.tolist() == [at(10 + gap).astype("datetime64[D]").item()]
    np.testing.assert_allclose(due.score, [2 / 3 * 0.5 * 0.5 / gap], rtol=1e-5)


@given(st.lists(st.floats(0, 60), min_size=2, max_size=8, unique=True).map(sorted))
def test_need_grows_up_to_the_gap_rests_and_fades(days: list[float]) -> None:
    """Monotone in the time that has passed: up, level through the grace, then down."""
    history, habits = bought_on(5), weekly(gap_days=10.0)
    scores = [float(due_items(history, habits, now=at(5 + day)).score[0]) for day in days]
    for (day, score), (next_day, next_score) in zip(
        zip(days, scores, strict=True), zip(days[1:], scores[1:], strict=True), strict=False
    ):
        if next_day <= 10:
            assert score <= next_score
        elif day >= 10 and next_day <= 10 * GRACE_GAPS:
            assert score == pytest.approx(next_score)
        elif day >= 10 * GRACE_GAPS:
            assert score >= next_score


def test_next_order_moves_the_date() -> None:
    """Who has just bought needs it a gap later, and not now."""
    before = due_items(bought_on(0, 7), weekly(), now=at(15))
    after = due_items(bought_on(0, 7, 14), weekly(), now=at(15))
    assert after.on[0] - before.on[0] == np.timedelta64(7, "D")
    assert after.score[0] < before.score[0]


def test_looking_moves_no_date() -> None:
    """A click today does not put off what is due, and makes nothing due."""
    history = bought_on(0, 7)
    click = [FreshEvent(0, Event.CLICK, 1.0, at(13))]
    looked = history.with_events(click, CONFIDENCE)
    assert due_items(looked, weekly(), now=at(14)).on.tolist() == due_items(history, weekly(), now=at(14)).on.tolist()
    assert not len(due_items(History.empty(at(0)).with_events(click, CONFIDENCE), weekly(), now=at(14)).item)


def test_planted_rhythms_are_due_on_their_day() -> None:
    """Twelve users, three rhythms: every date is within the shrinkage of the plan."""
    log = planted.rhythms()
    histories = Histories.from_interactions(log, CONFIDENCE, now=at(200))
    habits = RepeatHabits.from_histories(histories, np.arange(4, dtype=np.int32))
    for rhythm in planted.RHYTHMS:
        due = due_items(histories.of(log.users.index(rhythm.user)), habits, now=at(200))
        day = due.on[due.item == log.items.index(rhythm.item)][0]
        assert abs((day - at(rhythm.due_day).astype("datetime64[D]")).astype(int)) <= 1


def test_most_needed_comes_first_and_ties_by_index() -> None:
    """What is bought weekly and overdue beats what is bought monthly; twins keep their order."""
    lines = [Line("ann", item, day=day) for day in (0, 7, 14) for item in ("c", "b")]
    lines += [Line("ann", "a", day=day) for day in (0, 30)]
    log = log_of(lines)
    histories = Histories.from_interactions(log, CONFIDENCE, now=at(31))
    habits = RepeatHabits.from_histories(histories, np.zeros(3, dtype=np.int32))
    assert due_items(histories.of(0), habits, now=at(31)).item.tolist() == [1, 2, 0]


@given(logs(min_rows=1), st.integers(-100, 1000))
def test_due_items_are_the_owned_ones(log: Interactions, day: int) -> None:
    """Of any log at any time, before its end too: each owned item once, by descending finite need."""
    histories = Histories.from_interactions(log, CONFIDENCE, now=at(365))
    habits = RepeatHabits.from_histories(histories, np.zeros(len(log.items), dtype=np.int32))
    for user in range(len(histories)):
        history = histories.of(user)
        due = due_items(history, habits, now=at(day))
        assert sorted(due.item.tolist()) == history.owned.tolist()
        assert (np.diff(due.score) <= 0).all()
        assert (np.isfinite(due.score) & (due.score >= 0)).all()


def test_a_purchase_rests_for_half_a_gap_and_a_look_never() -> None:
    """Weekly milk bought on day 0 is not offered on day 3 but on day 4; a click does not rest anything."""
    bought = [FreshEvent(0, Event.PURCHASE, 1.0, at(0))]
    looked = [FreshEvent(0, Event.CLICK, 1.0, at(0))]
    assert resting_items(bought, weekly(), now=at(3)) == {0}
    assert resting_items(bought, weekly(), now=at(4)) == frozenset()
    assert resting_items(looked, weekly(), now=at(0)) == frozenset()


def test_interval_narrows_with_every_repeat() -> None:
    """The mean due date lies inside; an item bought once has the wider interval, relative to its gap."""
    habits = RepeatHabits(np.array([0.5], dtype=np.float32), np.array([10.0], dtype=np.float32), regularity=4.0)
    widths = []
    for days in ([0.0], [float(day) for day in range(0, 200, 10)]):
        due = due_items(bought_on(*days), habits, now=at(days[-1] + 1))
        assert due.earliest[0] < due.on[0] < due.latest[0]
        widths.append((due.latest[0] - due.earliest[0]).astype(int))
    assert widths[1] < widths[0]


def test_regularity_is_found_and_its_interval_holds() -> None:
    """Of users with planted gaps, the shape of gaps is found, and eight in ten next orders lie in the interval."""
    rng = np.random.default_rng(2)
    rate = rng.gamma(5.0, 1 / 30.0, 600)  # 1 + κ = 5 and κ = 4: the prior that weighs one gap
    gaps = rng.gamma(4.0, 1 / rate[:, None], (600, 6)) + 0.01
    days = np.cumsum(gaps, axis=1)
    lines = [Line(planted.user_id(u), "tea", day=float(day)) for u in range(600) for day in (0.0, *days[u, :5])]
    histories = Histories.from_interactions(log_of(lines), CONFIDENCE, now=at(float(days.max()) + 1))
    habits = with_regularity(RepeatHabits.from_histories(histories, np.zeros(1, dtype=np.int32)), histories)
    assert habits.regularity == pytest.approx(4.0, rel=0.25)
    inside = []
    for user in range(600):
        due = due_items(histories.of(user), habits, now=at(float(days[user, 4]) + 1))
        following = at(float(days[user, 5])).astype("datetime64[D]")
        inside.append(due.earliest[0] <= following <= due.latest[0])
    assert np.mean(inside) == pytest.approx(0.8, abs=0.06)


def test_too_few_repeats_leave_the_regularity_unknown() -> None:
    """A shop with a handful of repeats keeps the widest interval."""
    histories = Histories.from_interactions(
        log_of([Line("ann", "tea", day=day) for day in (1, 9)]), CONFIDENCE, now=at(9)
    )
    habits = RepeatHabits.from_histories(histories, np.zeros(1, dtype=np.int32))
    assert with_regularity(habits, histories) is habits


def test_who_is_late_is_due_later() -> None:
    """The day is that of the median of the gaps that are left: by hand where orders come at random."""
    habits, history = weekly(gap_days=10.0), bought_on(0, 10, 20)
    row = np.array([0])
    for elapsed in (0.0, 5.0, 20.0):
        # With κ = 1, Pr(g > t) = ((G + S) / (G + S + t))^(1 + n + 1), here of G + S = 30 and three orders.
        median = (30 + elapsed) * 2 ** (1 / 4) - 30
        found = likely_by(history, habits, row, now=at(20 + elapsed))
        assert found.tolist() == [at(20 + median).astype("datetime64[D]").item()]


@given(
    st.lists(st.floats(0, 60), min_size=3, max_size=8, unique=True).map(sorted), st.floats(0, 200), st.floats(0.3, 20)
)
def test_a_due_day_is_never_past(days: list[float], elapsed: float, regularity: float) -> None:
    """Whatever the rhythm and however late somebody is, the day lies ahead, and waiting puts it off."""
    habits, history = dataclasses.replace(weekly(), regularity=regularity), bought_on(*days)
    row = np.array([0])
    now, later = at(days[-1] + elapsed), at(days[-1] + elapsed + 30)
    found = likely_by(history, habits, row, now=now)
    assert found >= now.astype("datetime64[D]")
    assert likely_by(history, habits, row, now=later) >= found


def test_due_days_are_as_likely_as_they_say() -> None:
    """Of items that are bought in rhythms of people's own, half are bought again by the day, however late it is."""
    rng = np.random.default_rng(3)
    shape, users = 4.0, 2000
    gaps = rng.gamma(shape, rng.gamma(5.0, 1.0, users)[:, None] * 3 / shape, (users, 6))
    days = np.cumsum(gaps, axis=1)
    lines = [Line(f"u{user:04d}", "milk", day=float(day)) for user in range(users) for day in days[user, :5]]
    log = log_of(lines)
    histories = Histories.from_interactions(log, CONFIDENCE, now=at(float(days.max())))
    habits = with_regularity(RepeatHabits.from_histories(histories, np.zeros(1, dtype=np.int32)), histories)
    for share in (0.0, 0.6, 1.1):
        came = []
        for user in range(users):
            now = days[user, 4] + share * gaps[user, :5].mean()
            if days[user, 5] > now:
                due = likely_by(histories.of(user), habits, np.array([0]), now=at(float(now)))[0]
                came.append(at(float(days[user, 5])).astype("datetime64[D]") <= due)
        assert np.mean(came) == pytest.approx(0.5, abs=0.08), share


def test_soonest_due_by_hand() -> None:
    """Only what was bought three times counts; of several the first; who gave an item up is not due."""
    lines = [
        *(Line("ann", "milk", day=day) for day in (70, 80, 90)),
        *(Line("ann", "tea", day=day) for day in (0, 30, 60)),
        *(Line("bob", "milk", day=day) for day in (1, 8, 15)),
        *(Line("eve", "milk", day=day) for day in (85, 95)),
        *(Line("joe", "tea", day=day) for day in (40, 70, 95)),
    ]
    log = log_of(lines)
    histories = Histories.from_interactions(log, CONFIDENCE, now=at(100))
    habits = RepeatHabits(np.full(2, 0.5, np.float32), np.full(2, 10.0, np.float32))
    soonest = soonest_due(histories, habits, now=at(100))
    assert list(log.users) == ["ann", "bob", "eve", "joe"]
    of_ann = likely_by(histories.of(0), habits, np.array([0, 1]), now=at(100))
    of_joe = likely_by(histories.of(3), habits, np.array([0]), now=at(100))
    assert soonest.astype(object).tolist() == [of_ann[0].item(), None, None, of_joe[0].item()]
    assert of_ann[0] < of_ann[1]
