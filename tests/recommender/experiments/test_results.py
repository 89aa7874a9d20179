"""Differences between groups: found where they are, not found where they are not, and as sure as is said."""

import numpy as np
import pytest
from scipy import stats

from recommender.errors import InvalidInput
from recommender.experiments.allocation import Experiment
from recommender.experiments.metrics import MEASURES, adjusted
from recommender.experiments.results import Difference, Result, Verdict, compare, difference
from recommender.experiments.sample_ratio import sample_ratio
from recommender.experiments.visitors import Visitors
from tests.recommender.experiments.made_up import Effect, until_day, visitors

EXPERIMENT = Experiment("e", (("control", 0.5), ("b", 0.5)))
FAIR = [name for name, measure in MEASURES.items() if measure.is_fair]
SEEDS = 400


def differences(result: Result) -> dict[str, Difference]:
    """The differences by measure."""
    return {row.measure: row for row in result.differences}


@pytest.fixture(scope="module")
def same_groups() -> list[dict[str, Difference]]:
    """Four hundred experiments in which nothing differs."""
    return [differences(compare(visitors(np.random.default_rng(seed)), EXPERIMENT)) for seed in range(SEEDS)]


@pytest.mark.parametrize("measure", list(MEASURES))
def test_false_alarms_are_as_rare_as_said(same_groups: list[dict[str, Difference]], measure: str) -> None:
    """Of A/A experiments one in twenty has an interval without 0; p-values are uniform."""
    rows = [found[measure] for found in same_groups]
    alarms = sum(row.low > 0 or row.high < 0 for row in rows if row.low is not None and row.high is not None)
    assert stats.binomtest(alarms, SEEDS, 0.05).pvalue > 0.001, f"{alarms} of {SEEDS}"
    assert stats.kstest([row.p_value for row in rows], "uniform").pvalue > 0.001


@pytest.mark.parametrize("measure", ["click_through", "add_to_cart", "conversion", "days_to_order", "repeat_rate"])
def test_planted_differences_are_covered(measure: str) -> None:
    """Intervals hold the true difference in 95 of 100 experiments; the truth is that of a million visitors."""
    effect = Effect(clicking=1.15, carting=1.2, ordering=1.15)
    large = compare(visitors(np.random.default_rng(9), n=1_000_000, effect=effect), EXPERIMENT)
    truth = differences(large)[measure].value
    assert truth is not None
    covered = 0
    for seed in range(SEEDS):
        row = differences(compare(visitors(np.random.default_rng(seed), effect=effect), EXPERIMENT))[measure]
        assert row.low is not None
        assert row.high is not None
        covered += row.low <= truth <= row.high
    assert stats.binomtest(covered, SEEDS, 0.95).pvalue > 0.001, f"{covered} of {SEEDS}"


def test_a_large_effect_is_found_in_the_right_direction() -> None:
    """More orders: everything gets better, and fewer days to the next order are better, too."""
    rows = differences(compare(visitors(np.random.default_rng(3), n=20_000, effect=Effect(ordering=1.3)), EXPERIMENT))
    for measure in ("conversion", "revenue_per_visitor", "revenue_adjusted", "repeat_rate", "days_to_order"):
        assert rows[measure].verdict is Verdict.BETTER, measure
    assert (rows["days_to_order"].value or 0) < 0
    worse = differences(compare(visitors(np.random.default_rng(3), n=20_000, effect=Effect(ordering=0.7)), EXPERIMENT))
    assert worse["days_to_order"].verdict is Verdict.WORSE


def test_measures_of_buyers_describe_and_do_not_judge() -> None:
    """However large the difference, buyers of two groups are different people."""
    rows = differences(compare(visitors(np.random.default_rng(3), n=20_000, effect=Effect(ordering=2.0)), EXPERIMENT))
    assert {rows[name].verdict for name in MEASURES if name not in FAIR} == {Verdict.DESCRIPTIVE}


def test_the_past_makes_intervals_shorter_and_moves_nothing(same_groups: list[dict[str, Difference]]) -> None:
    """CUPED: the same difference on average, with less chance in it."""
    plain = np.array([found["revenue_per_visitor"].value for found in same_groups], dtype=float)
    less = np.array([found["revenue_adjusted"].value for found in same_groups], dtype=float)
    assert less.std() < 0.95 * plain.std()
    assert abs((less - plain).mean()) < 3 * (less - plain).std() / np.sqrt(SEEDS)


def test_without_a_past_nothing_is_adjusted() -> None:
    """Shops that begin: the adjusted figure is the plain one."""
    drawn = visitors(np.random.default_rng(1))
    young = adjusted(Visitors(**{name: getattr(drawn, name) for name in Visitors.__slots__} | {
        "prior_revenue": np.zeros(len(drawn))
    }))  # fmt: skip
    assert young.revenue.tolist() == drawn.revenue.tolist()


def test_the_detectable_difference_is_detected_as_often_as_said() -> None:
    """An effect of the size of the MDE is found in about 80 of 100 experiments."""
    row = differences(compare(visitors(np.random.default_rng(0)), EXPERIMENT))["add_to_cart"]
    assert row.detectable is not None
    effect = Effect(carting=(0.2 + row.detectable) / 0.2)
    found = sum(
        differences(compare(visitors(np.random.default_rng(seed), effect=effect), EXPERIMENT))["add_to_cart"].verdict
        is Verdict.BETTER
        for seed in range(200)
    )
    assert 0.7 < found / 200 < 0.9


def test_order_of_visitors_does_not_matter() -> None:
    """Shuffled visitors, the same result but for the last digits."""
    drawn, rng = visitors(np.random.default_rng(1)), np.random.default_rng(2)
    shuffled = drawn.select(rng.permutation(len(drawn)))
    for one, other in zip(
        compare(drawn, EXPERIMENT).differences, compare(shuffled, EXPERIMENT).differences, strict=True
    ):
        assert (one.measure, one.verdict) == (other.measure, other.verdict)
        assert one.value == pytest.approx(other.value)
        assert one.low == pytest.approx(other.low)


def test_too_little_data_says_so() -> None:
    """Few visitors, few who did it, or nobody watched to the horizon: no interval, no verdict, a reason."""
    few = compare(visitors(np.random.default_rng(1), n=60), EXPERIMENT)
    assert {row.verdict for row in few.differences} == {Verdict.NOT_YET}
    assert all(row.low is None and "needed" in (row.why_not or "") for row in few.differences)
    early = differences(compare(visitors(np.random.default_rng(1), days=20), EXPERIMENT, horizon=28))
    assert early["repeat_rate"].verdict is Verdict.NOT_YET
    assert "watched for 28 days without such an order; 30 are needed" in (early["repeat_rate"].why_not or "")
    assert early["click_through"].verdict is not Verdict.NOT_YET


def test_nobody_at_all() -> None:
    """An experiment without visitors has a result without figures."""
    empty = visitors(np.random.default_rng(1), n=1).select(np.empty(0, np.intp))
    result = compare(empty, EXPERIMENT)
    assert result.sample_ratio.p_value is None
    assert {row.verdict for row in result.differences} == {Verdict.NOT_YET}
    assert {row.value for row in result.figures} | {row.value for row in result.differences} == {None}


def test_lost_visitors_are_noticed() -> None:
    """A group that lost a twentieth of its visitors: no verdict, however large the difference."""
    drawn = visitors(np.random.default_rng(1), n=60_000, effect=Effect(ordering=2.0))
    lost = (drawn.group == 1) & (np.random.default_rng(2).random(len(drawn)) < 0.05)
    result = compare(drawn.select(~lost), EXPERIMENT)
    assert result.sample_ratio.is_mismatch
    assert {row.verdict for row in result.differences} == {Verdict.NOT_YET}
    assert "sizes" in (differences(result)["conversion"].why_not or "")


def test_the_ratio_test_is_rarely_wrong() -> None:
    """Its p-values are uniform when nobody is lost."""
    rng = np.random.default_rng(4)
    shares = np.array([0.1, 0.5, 0.4])
    p_values = [sample_ratio(rng.multinomial(10_000, shares), shares).p_value for _ in range(500)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_a_horizon_of_no_days_is_refused() -> None:
    """The message names it."""
    with pytest.raises(InvalidInput, match="0 days"):
        compare(visitors(np.random.default_rng(1)), EXPERIMENT, horizon=0)


def test_who_looks_every_day_finds_what_is_not_there() -> None:
    """A third of A/A experiments look sure on at least one of fifty days: docs/experiments.md says so."""
    conversion, calm = MEASURES["conversion"], sample_ratio(np.array([1, 1]), np.array([0.5, 0.5]))

    def is_sure(seen: Visitors) -> bool:
        control, b = (conversion.estimate(seen.of_group(group), 28.0) for group in (0, 1))
        return difference("conversion", "b", b, control, ratio=calm).verdict in {Verdict.BETTER, Verdict.WORSE}

    drawn = [visitors(np.random.default_rng(seed)) for seed in range(100)]
    last = sum(is_sure(until_day(each, 60)) for each in drawn)
    ever = sum(any(is_sure(until_day(each, day)) for day in range(11, 61)) for each in drawn)
    assert last <= 12
    assert 25 <= ever <= 45
