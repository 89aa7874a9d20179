"""Popularity: people are counted, not units, and growth of the shop is nobody's trend."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.interactions import GUEST, Interactions
from recommender.popularity import TREND_SMOOTHING, Popularity
from tests.planted import Line, at, drifting, log_of
from tests.strategies import logs


def buyers(log: Interactions, item: int) -> set[tuple[str, int]]:
    """Who bought an item: named users, and guests by their order."""
    rows = [row for row in range(len(log)) if log.item[row] == item]
    return {("order", int(log.order[row])) if log.user[row] == GUEST else ("user", int(log.user[row])) for row in rows}


@given(logs(), st.integers(0, 400), st.integers(1, 60))
def test_buyers_are_counted_once(log: Interactions, end: int, recent_days: int) -> None:
    """Total, recent and this week's are sizes of sets of buyers."""
    log = log.between(None, at(end))
    popularity = Popularity.from_interactions(log, now=at(end), recent_days=recent_days)
    purchases = log.purchases()
    for column, days in ((popularity.total, 10_000), (popularity.recent, recent_days), (popularity.week, 7)):
        window = purchases.select(purchases.time > at(end - days))
        assert column.tolist() == [len(buyers(window, item)) for item in range(len(log.items))]


@given(logs(), st.integers(360, 460), st.integers(1, 60))
def test_season_is_the_days_to_come_a_year_ago(log: Interactions, end: int, recent_days: int) -> None:
    """364 days ago it was the same day of the week; a log younger than that knows no season."""
    log = log.between(None, at(end))
    purchases, popularity = log.purchases(), Popularity.from_interactions(log, now=at(end), recent_days=recent_days)
    a_year_ago = purchases.between(at(end - 364), at(end - 364 + recent_days))
    assert popularity.season.tolist() == [len(buyers(a_year_ago, item)) for item in range(len(log.items))]
    young = log.between(at(max(0, end - 300)), None)
    assert not Popularity.from_interactions(young, now=at(end), recent_days=recent_days).season.any()


@given(logs(), st.integers(1, 60))
def test_trend_is_positive_and_finite(log: Interactions, recent_days: int) -> None:
    """A trend can be ranked and multiplied, whatever the log."""
    trend = Popularity.from_interactions(log, now=at(366), recent_days=recent_days).trend
    assert (trend > 0).all()
    assert np.isfinite(trend).all()


def test_units_clicks_and_repeats_do_not_count() -> None:
    """One buyer is one buyer, however often and however much."""
    log = log_of(
        [
            Line("u", "tea", day=1, quantity=500),
            Line("u", "tea", day=2),
            Line("u", "milk", day=2),
            Line("v", "milk", day=2),
            Line("w", "tea", day=2, event=Event.CLICK),
            Line(None, "tea", day=3, order="a"),
            Line(None, "tea", day=3, order="b"),
            Line(None, "tea", day=3, order="b", quantity=2),
        ]
    )
    assert Popularity.from_interactions(log, now=at(4)).total.tolist() == [2, 3]


def test_windows_end_with_now() -> None:
    """A window of d days holds what is less than d days old, to the second."""
    second = 1 / 86_400
    log = log_of(Line(f"u{age}", "tea", day=100 - age) for age in (0, 7 - second, 7, 30 - second, 30))
    popularity = Popularity.from_interactions(log, now=at(100))
    assert [popularity.week[0], popularity.recent[0], popularity.total[0]] == [2, 4, 5]
    shorter = Popularity.from_interactions(log, now=at(100), recent_days=1)
    assert [shorter.week[0], shorter.recent[0], shorter.total[0]] == [2, 1, 5]


def test_drift_shows_in_the_trend() -> None:
    """With equal totals, what rises trends, what fades does not, and what stays is 1."""
    log = drifting()
    popularity = Popularity.from_interactions(log, now=at(120), recent_days=40)
    index = log.items.index
    assert len(set(popularity.total.tolist())) == 1
    expected = {"rising": (40, 10), "steady": (20, 20), "fading": (0, 30)}
    for item, (recent, before) in expected.items():
        assert popularity.trend[index(item)] == pytest.approx(
            (recent + TREND_SMOOTHING) / (before + TREND_SMOOTHING), rel=0.1
        )
    assert popularity.trend[index("steady")] == pytest.approx(1, abs=0.1)


def test_growth_of_the_shop_is_no_trend() -> None:
    """When every item sells ten times as often, none of them trends."""
    lines = [Line(f"{item}{k}", item, day=k) for item in ("tea", "milk") for k in range(30)]
    lines += [Line(f"{item}late{k}", item, day=45 + k / 20) for item in ("tea", "milk") for k in range(300)]
    trend = Popularity.from_interactions(log_of(lines), now=at(60), recent_days=30).trend
    assert trend.tolist() == pytest.approx([1.0, 1.0])


def test_loyal_buyers_are_no_trend() -> None:
    """Regulars who come in every window do not look like fewer people than before."""
    regular = [Line(f"r{k}", "milk", day=day) for k in range(20) for day in range(0, 120, 10)]
    passing = [Line(f"p{day}-{k}", "kettle", day=day) for k in range(2) for day in range(0, 120, 3)]
    trend = Popularity.from_interactions(log_of(regular + passing), now=at(120), recent_days=30).trend
    assert trend.tolist() == pytest.approx([1.0, 1.0], abs=0.1)


def test_without_a_past_nothing_trends() -> None:
    """A shop younger than one window has no trend."""
    log = log_of([Line("u", "tea", day=1), Line("v", "tea", day=2), Line("v", "milk", day=2)])
    assert Popularity.from_interactions(log, now=at(3)).trend.tolist() == [1, 1]


def test_tiny_logs(tiny_log: Interactions) -> None:
    """The smallest logs have a popularity; rows after `now` count as happening then."""
    for day in (0, 10, 1000):
        popularity = Popularity.from_interactions(tiny_log, now=at(day))
        assert len(popularity.total) == len(tiny_log.items)


def test_wrong_arguments() -> None:
    """A window of no days and columns of different lengths are refused."""
    log = log_of([Line("u", "tea")])
    with pytest.raises(InvalidInput, match="recent_days is 0"):
        Popularity.from_interactions(log, now=at(1), recent_days=0)
    popularity = Popularity.from_interactions(log, now=at(1))
    with pytest.raises(InvalidInput, match="differ in length"):
        dataclasses.replace(popularity, total=np.ones(3, np.float32))
