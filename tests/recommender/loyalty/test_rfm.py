"""RFM: scores are fifths of this shop's customers, and a segment is what its definition says."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.interactions import Interactions
from recommender.loyalty.rfm import PATIENCE, CustomerBase, Segment
from tests.planted import Line, at, log_of, user_id
from tests.strategies import logs


def visits(user: str, *days: float, amount: float = 10.0) -> list[Line]:
    """One order of one line on each day."""
    return [Line(user, "tea", day=day, amount=amount) for day in days]


def test_figures() -> None:
    """Recency, frequency, money and rhythm of two customers and of someone who only looked."""
    log = log_of(
        [
            *visits("ann", 0, 10, 40),
            Line("ann", "milk", day=40, amount=2.5),
            Line("bob", "tea", day=90.5, quantity=3, amount=7.0),
            Line("eve", "tea", day=99, event=Event.CLICK),
            Line(None, "tea", day=99),
        ]
    )
    base = CustomerBase.from_interactions(log, now=at(100))
    assert list(log.users) == ["ann", "bob", "eve"]
    assert base.recency_days.tolist() == [60, 9.5, np.inf]
    assert base.frequency.tolist() == [3, 1, 0]
    assert base.monetary.tolist() == [32.5, 7, 0]
    assert base.gap_days.tolist() == [20, np.inf, np.inf]
    assert base.recency_score.tolist()[2] == base.frequency_score.tolist()[2] == base.monetary_score.tolist()[2] == 0
    assert base.members(Segment.PROSPECT).tolist() == [2]


def test_a_day_is_one_order_of_a_rhythm() -> None:
    """Two checkouts on one day are no gap: who has only those has none, and is on time for nothing."""
    log = log_of([*visits("ann", 0, 0.3, 10, 30, 30.01), *visits("bob", 90, 90.001), *visits("eve", 3)])
    base = CustomerBase.from_interactions(log, now=at(100))
    assert base.frequency.tolist() == [5, 2, 1]
    assert base.gap_days.tolist() == [15, np.inf, np.inf]


@given(logs())
def test_a_gap_is_a_day_at_least(log: Interactions) -> None:
    """Whatever the log, a gap that is known spans days, and whole days between the first and the last."""
    gap = CustomerBase.from_interactions(log, now=at(100)).gap_days
    assert (gap >= 1).all()


def test_scores_are_fifths() -> None:
    """Among ten different customers, two get each score: 5 for the latest, the most frequent, the biggest spender."""
    lines = [
        line
        for k in range(10)
        for line in visits(user_id(k), *(k + 100 * visit for visit in range(k + 1)), amount=k + 1)
    ]
    base = CustomerBase.from_interactions(log_of(lines), now=at(1000))
    fifths = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert base.recency_score.tolist() == fifths
    assert base.frequency_score.tolist() == fifths
    assert base.monetary_score.tolist() == fifths


@pytest.mark.parametrize("n_users", [1, 2, 7])
def test_customers_who_are_alike_are_average(n_users: int) -> None:
    """Ties share the score of their middle, so nobody is lost or a champion by accident."""
    log = log_of([Line(user_id(k), "tea", day=3) for k in range(n_users)])
    base = CustomerBase.from_interactions(log, now=at(5))
    for scores in (base.recency_score, base.frequency_score, base.monetary_score):
        assert scores.tolist() == [3] * n_users
    assert len(base.members(Segment.NEW)) == n_users


@pytest.fixture(scope="module")
def town() -> tuple[Interactions, CustomerBase]:
    """Forty average customers (monthly, until day 300 to 339), and one or two of each kind, as of day 365."""
    lines = []
    for k in range(40):
        lines += visits(user_id(k), *range(k, k + 301, 30))
    lines += visits("new", 364)
    lines += visits("champion", *range(4, 365, 5), amount=50)
    lines += visits("loyal", *range(0, 341, 20), amount=1)
    lines += visits("active", 100, 360, amount=5)
    lines += visits("on time", 5, 185, amount=5)
    lines += visits("at risk", *range(0, 251, 10), amount=30)
    lines += visits("big spender", 250, 260, amount=900)
    lines += visits("lapsed", 298, 299, amount=1)
    lines += visits("lost", 1, 2, amount=1)
    lines += visits("lost once", 10, amount=1)
    # So that "lapsed" is not among the last fifth: others who left early.
    for k in range(16):
        lines += visits(f"gone {k:02d}", 1, 2 + k, amount=1)
    log = log_of(lines)
    return log, CustomerBase.from_interactions(log, now=at(365))


@pytest.mark.parametrize(
    ("user", "segment"),
    [
        ("new", Segment.NEW),
        ("champion", Segment.CHAMPION),
        ("loyal", Segment.LOYAL),
        ("active", Segment.ACTIVE),
        ("on time", Segment.ACTIVE),
        ("at risk", Segment.AT_RISK),
        ("big spender", Segment.AT_RISK),
        ("lapsed", Segment.LAPSED),
        ("lost", Segment.LOST),
        ("lost once", Segment.LOST),
    ],
)
def test_segments(town: tuple[Interactions, CustomerBase], user: str, segment: Segment) -> None:
    """A customer planted for a segment is found in it."""
    log, base = town
    index = log.users.index(user)
    scores = [column[index] for column in (base.recency_score, base.frequency_score, base.monetary_score)]
    assert Segment(base.segment[index]) is segment, f"r, f, m = {scores}"
    assert index in base.members(segment)


@given(logs())
def test_segments_part_the_users(log: Interactions) -> None:
    """Every user is in exactly one segment, prospects are those without an order, scores lie in 1 to 5."""
    base = CustomerBase.from_interactions(log, now=at(366))
    members = np.concatenate([base.members(segment) for segment in Segment])
    assert sorted(members.tolist()) == list(range(len(log.users)))
    prospects = base.segment == Segment.PROSPECT
    np.testing.assert_array_equal(prospects, base.frequency == 0)
    for scores in (base.recency_score, base.frequency_score, base.monetary_score):
        assert (scores[prospects] == 0).all()
        assert ((scores[~prospects] >= 1) & (scores[~prospects] <= 5)).all()


@given(logs())
def test_nobody_on_time_is_at_risk_or_gone(log: Interactions) -> None:
    """Who keeps their own rhythm is not written off, whatever the others do."""
    base = CustomerBase.from_interactions(log, now=at(366))
    on_time = np.isfinite(base.gap_days) & (base.recency_days < 0.99 * PATIENCE * base.gap_days)
    gone = np.isin(base.segment, [Segment.AT_RISK, Segment.LAPSED, Segment.LOST])
    assert not (on_time & gone).any()


@given(logs(min_rows=1))
def test_more_is_never_less(log: Interactions) -> None:
    """Scores follow the figures: a customer with more has at least the same score."""
    base = CustomerBase.from_interactions(log, now=at(366))
    bought = base.frequency > 0
    pairs: list[tuple[Any, Any]] = [
        (-base.recency_days, base.recency_score),
        (base.frequency, base.frequency_score),
        (base.monetary, base.monetary_score),
    ]
    for figure, score in pairs:
        order = np.argsort(figure[bought], kind="stable")
        assert (np.diff(score[bought][order].astype(int)) >= 0).all()


def test_tiny_logs(tiny_log: Interactions) -> None:
    """The smallest logs have a customer base, if only an empty one."""
    assert len(CustomerBase.from_interactions(tiny_log, now=at(10))) == len(tiny_log.users)


@pytest.mark.parametrize("label", ["at risk", "at-risk", "AT_RISK", " At  Risk "])
def test_labels_parse(label: str) -> None:
    """A marketer may spell a segment as they like."""
    assert Segment.parse(label) is Segment.AT_RISK
    assert Segment.AT_RISK.label == "at risk"


def test_unknown_label_lists_the_known() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(InvalidInput, match="'vip' is no segment; known are prospect, new, champion, loyal"):
        Segment.parse("vip")


def test_numbers_are_a_wire_format() -> None:
    """Artifacts hold these numbers."""
    labels = ["prospect", "new", "champion", "loyal", "active", "at risk", "lapsed", "lost"]
    assert {segment.label: segment.value for segment in Segment} == {label: n for n, label in enumerate(labels)}


def test_columns_must_have_one_length() -> None:
    """A base with a missing column entry is refused by name."""
    base = CustomerBase.from_interactions(log_of(visits("ann", 1)), now=at(2))
    with pytest.raises(InvalidInput, match="'monetary': 2"):
        dataclasses.replace(base, monetary=np.zeros(2))
