"""The difference between two versions, user by user."""

import dataclasses

import numpy as np
import pytest

from recommender.bootstrap import Bootstrap
from recommender.item_lists import ItemLists
from recommender.outcomes import Outcomes
from recommender.purpose import Purpose
from tests.measurements import BOOTSTRAP, outcomes_of
from training.comparison.groups import Breakdown
from training.comparison.paired import PairedFigure, band_shares, n_steps, paired_figures

RNG = np.random.default_rng(5)
LOW, HIGH = RNG.random(60) / 2, RNG.random(60)
A = outcomes_of({Purpose.ALL: {"regulars": list(LOW)}, Purpose.NEW: {"regulars": list(HIGH)}}, orders=np.arange(60))
B = outcomes_of({Purpose.ALL: {"regulars": list(HIGH)}, Purpose.NEW: {"regulars": list(HIGH)}}, orders=np.arange(60))


def figure(a: Outcomes, b: Outcomes, breakdown: Breakdown, group: str, metric: str = "ndcg") -> PairedFigure:
    """One figure for all items."""
    (found,) = (
        row
        for row in paired_figures(a, b, BOOTSTRAP)
        if (row.purpose, row.breakdown, row.group, row.metric) == (Purpose.ALL, breakdown, group, metric)
    )
    return found


def test_a_version_compared_with_itself() -> None:
    """Every difference is zero, with an interval of no width."""
    figures = paired_figures(A, A, BOOTSTRAP)
    assert figures
    assert {(row.difference, row.low, row.high) for row in figures} == {(0.0, 0.0, 0.0)}
    assert not any(row.better or row.worse for row in figures)


def test_swapping_the_versions_flips_the_signs() -> None:
    """What b gains over a, a loses to b, intervals included."""
    there, back = paired_figures(A, B, BOOTSTRAP), paired_figures(B, A, BOOTSTRAP)
    for one, other in zip(there, back, strict=True):
        assert (one.a, one.b, one.difference) == (other.b, other.a, -other.difference)
        assert (one.low, one.high) == pytest.approx((-(other.high or 0), -(other.low or 0)), abs=2e-6)
        assert (one.better, one.worse) == (other.worse, other.better)


def test_figures_by_hand() -> None:
    """Means are over the users of the group, and the difference is b − a."""
    every = figure(A, B, Breakdown.EVERYBODY, "all")
    assert (every.n_users, every.a, every.b) == (60, round(LOW.mean(), 6), round(HIGH.mean(), 6))
    assert every.difference == pytest.approx((HIGH - LOW).mean(), abs=1e-6)
    assert every.low is not None
    assert every.high is not None
    assert every.low < every.difference < every.high
    best = figure(A, B, Breakdown.VALUE, "10")
    assert best.n_users == 6
    assert best.difference == pytest.approx((HIGH - LOW)[54:].mean(), abs=1e-6)
    new = figure(A, B, Breakdown.AGE, "new")
    assert new.n_users == 3
    assert new.b == pytest.approx(HIGH[:3].mean(), abs=1e-6)


def test_pairing_is_what_makes_it_sure() -> None:
    """A small gain of everybody is certain although users differ a lot; the same values in another order are not."""
    better = outcomes_of({Purpose.ALL: {"regulars": list(LOW + 0.01)}})
    shuffled = outcomes_of({Purpose.ALL: {"regulars": list((LOW + 0.01)[::-1])}})
    base = outcomes_of({Purpose.ALL: {"regulars": list(LOW)}})
    assert figure(base, better, Breakdown.EVERYBODY, "all").better
    undecided = figure(base, shuffled, Breakdown.EVERYBODY, "all")
    assert not undecided.better
    assert not undecided.worse


def with_lists(relevant: list[list[int]], shown: list[list[int]]) -> Outcomes:
    """Two users' answers and lists over ten items: 0 to 3 are the head, 4 and 5 the middle."""
    outcomes = outcomes_of({Purpose.ALL: {"regulars": [0.0, 0.0]}})
    found = dataclasses.replace(
        outcomes.by_purpose[Purpose.ALL], relevant=ItemLists.from_rows(relevant), shown=ItemLists.from_rows(shown)
    )
    return dataclasses.replace(outcomes, by_purpose={Purpose.ALL: found})


def test_bands_by_hand() -> None:
    """Recall counts the right answers of a band among those who have some; shares count places and hits."""
    a = with_lists([[0, 1, 9], [5]], [[0, 9], [1, 2]])
    b = with_lists([[0, 1, 9], [5]], [[0, 1], [5, 2]])
    head = figure(a, b, Breakdown.POPULARITY, "head", "recall")
    assert (head.n_users, head.a, head.b) == (1, 0.5, 1.0)
    middle = figure(a, b, Breakdown.POPULARITY, "middle", "recall")
    assert (middle.n_users, middle.a, middle.b) == (1, 0.0, 1.0)
    tail = figure(a, b, Breakdown.POPULARITY, "tail", "recall")
    assert (tail.n_users, tail.a, tail.b) == (1, 1.0, 0.0)
    shares = {row.band: row for row in band_shares(a, b)}
    assert [shares[band].n_items for band in ("head", "middle", "tail")] == [4, 2, 4]
    assert (shares["head"].places_a, shares["head"].places_b) == (0.75, 0.75)
    assert (shares["head"].hits_a, shares["tail"].hits_a) == (0.5, 0.5)
    assert shares["middle"].hits_b == pytest.approx(1 / 3, abs=1e-6)
    assert shares["tail"].hits_b == 0.0


def test_progress_counts_every_step() -> None:
    """As many steps are reported as were promised."""
    steps: list[int] = []
    paired_figures(A, B, Bootstrap(resamples=2), advance=lambda: steps.append(1))
    assert len(steps) == n_steps(A, B)


def test_without_resamples_there_are_no_intervals() -> None:
    """The differences are there, and nothing is called better or worse."""
    figures = paired_figures(A, B, Bootstrap(resamples=0))
    assert {(row.low, row.high) for row in figures} == {(None, None)}
    assert not any(row.better or row.worse for row in figures)
