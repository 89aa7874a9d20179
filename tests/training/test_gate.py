"""May this version be published?"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from recommender.bootstrap import Bootstrap
from recommender.errors import GateRefused
from recommender.purpose import Purpose
from tests.measurements import measured_of, outcomes_of, table_of
from training.gate import Verdict, check, judge
from training.gate_settings import GateSettings
from training.measured import Measured

SERVED = "20240601-bbbbbbbbbbbb"
NOISE = np.random.default_rng(1).normal(0, 0.1, 1000)


def candidate(
    model: float, popularity: float, own: float, *, new: tuple[float, float] | None = (0.05, 0.04), n: int = 400
) -> Measured:
    """A version with these means; `new` holds the model's and popularity's on new items."""
    values = {Purpose.ALL: {"regulars": [model] * n, "popularity": [popularity] * n, "own top": [own] * n}}
    if new is not None:
        values[Purpose.NEW] = {"regulars": [new[0]] * n, "popularity": [new[1]] * n}
    return measured_of(values)


def version(values: npt.NDArray[np.float64], name: str = "20240701-aaaaaaaaaaaa", **changes: Any) -> Measured:
    """A version with these values on all items, beside a popularity that everything beats."""
    return measured_of(
        {Purpose.ALL: {"regulars": list(values), "popularity": [-9.0] * len(values)}}, version=name, **changes
    )


def gate(**settings: float) -> GateSettings:
    """Settings of the gate by name."""
    return GateSettings.model_validate(settings)


def failing(verdicts: Sequence[Verdict]) -> list[str]:
    """The rules that do not hold."""
    return [verdict.rule for verdict in verdicts if not verdict.passed]


def test_better_model_passes() -> None:
    """Above both lists on all items, at popularity's level on new ones."""
    verdicts = check(candidate(0.44, 0.18, 0.41, new=(0.05, 0.05)), GateSettings())
    assert all(verdict.passed and verdict.judged for verdict in verdicts)


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        (candidate(0.18, 0.18, 0.10), "on all items against popularity: 0.1800, must be > 0.1800"),
        (candidate(0.40, 0.18, 0.41), "on all items against own top: 0.4000, must be > 0.4100"),
        (candidate(0.44, 0.18, 0.41, new=(0.03, 0.04)), "on new items against popularity: 0.0300, must be ≥ 0.0400"),
    ],
    ids=["popularity", "own top", "new items"],
)
def test_model_that_loses_is_refused(measured: Measured, reason: str) -> None:
    """The message says which version, which comparison, and both numbers."""
    with pytest.raises(GateRefused) as refused:
        check(measured, GateSettings())
    assert measured.version in str(refused.value)
    assert reason in str(refused.value)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("ranker", "setting", "purpose"),
    [
        ("popularity", "min_lift_popularity", Purpose.ALL),
        ("recent popularity", "min_lift_recent_popularity", Purpose.ALL),
        ("own top", "min_lift_own_top", Purpose.ALL),
        ("own recent top", "min_lift_own_recent_top", Purpose.ALL),
        ("popularity", "min_lift_popularity_new", Purpose.NEW),
        ("recent popularity", "min_lift_recent_popularity_new", Purpose.NEW),
    ],
)
def test_every_bar_is_configurable(ranker: str, setting: str, purpose: Purpose) -> None:
    """A shop may ask for five percent more than a baseline, or for less, by the baseline's own setting."""
    values = {Purpose.ALL: {"regulars": [0.42] * 300}, purpose: {"regulars": [0.42] * 300, ranker: [0.41] * 300}}
    best = {"max_loss_best": 1.0}
    assert not failing(judge(measured_of(values), GateSettings()))
    refused = failing(judge(measured_of(values), gate(**{setting: 0.05})))
    assert refused == [f"nDCG@10 on {purpose.value} items against {ranker}"]
    worse = {Purpose.ALL: {"regulars": [0.40] * 300}, purpose: {"regulars": [0.40] * 300, ranker: [0.41] * 300}}
    assert failing(judge(measured_of(worse), gate(**best)))
    assert not failing(judge(measured_of(worse), gate(**{setting: -0.1}, **best)))


def test_what_was_not_measured_is_not_judged() -> None:
    """If nobody bought anything new, the rules for new items are silent."""
    assert not any(
        "new items" in verdict.rule for verdict in judge(candidate(0.44, 0.18, 0.41, new=None), GateSettings())
    )


def test_unevaluated_version() -> None:
    """Without figures there is no publishing, unless the shop allows it."""
    nothing = Measured(version="v1", evaluation=None, problem="it was never measured: the log is too short")
    with pytest.raises(GateRefused, match="the log is too short; set allow_unevaluated = true"):
        check(nothing, GateSettings())
    (verdict,) = check(nothing, GateSettings(allow_unevaluated=True))
    assert not verdict.judged


def test_a_small_shop_may_publish_what_is_undecided() -> None:
    """Forty users whose mean is below a baseline by luck are no reason to refuse; four hundred are."""
    values = 0.4 + NOISE
    for n, refused in ((40, False), (400, True)):
        other = values[:n] + np.resize([0.09, -0.07], n)  # 0.01 better on average, far within the spread of forty
        measured = measured_of({Purpose.ALL: {"regulars": list(values[:n]), "own top": list(other)}})
        assert bool(failing(judge(measured, GateSettings(max_loss_best=1.0)))) == refused


def test_a_small_shop_may_not_publish_a_clear_loss() -> None:
    """Forty users of whom nearly everybody loses are enough."""
    values = 0.4 + NOISE[:40]
    measured = measured_of({Purpose.ALL: {"regulars": list(values), "own top": list(values + 0.05)}})
    with pytest.raises(GateRefused, match=r"against own top: .*40 users\): the whole interval lies below 0"):
        check(measured, GateSettings())


def test_a_clear_regression_is_refused() -> None:
    """Worse than what is served for nearly everybody: no, whatever the baselines say."""
    served, worse = 0.4 + NOISE[:300], 0.4 + NOISE[:300] - 0.02 + NOISE[300:600] / 10
    current = version(served, SERVED)
    with pytest.raises(GateRefused, match=rf"against the served version {SERVED}: .* lies below 0"):
        check(version(worse), gate(max_regression=0.0), current=current)
    assert check(version(served + 0.001), GateSettings(), current=current)
    allowing = GateSettings(max_regression=0.1, max_loss_best=0.1)
    assert check(version(worse), allowing, current=current)
    with pytest.raises(GateRefused, match=r"lies below -0\.0"):
        check(version(worse - 0.1), allowing, current=current)


@pytest.mark.parametrize("who", ["everybody", "the best"])
def test_a_loss_too_small_to_matter_is_none(who: str) -> None:
    """However clear it is: up to a hundredth of the served figure passes, more does not, unless the shop says so."""
    served = 0.4 + NOISE[:500]
    hit = np.where(np.arange(500) >= 400, 1.0, float(who == "everybody"))
    current, strict = version(served, SERVED), gate(max_regression=0.0, max_loss_best=0.0)
    assert check(version(served - 0.003 * hit), GateSettings(), current=current)
    for settings, loss in ((strict, 0.003), (GateSettings(), 0.006)):
        refused = failing(judge(version(served - loss * hit), settings, current=current))
        assert any("best fifth" in rule for rule in refused)


def test_an_undecided_change_is_no_regression() -> None:
    """A mean below the served version's passes as long as the interval holds zero."""
    served = 0.4 + NOISE[:300]
    undecided = served - 0.003 + NOISE[300:600]
    assert undecided.mean() < served.mean()
    verdicts = check(version(undecided), GateSettings(), current=version(served, SERVED))
    assert any("against the served version" in verdict.rule and verdict.judged for verdict in verdicts)


def test_losing_on_the_best_fifth_is_refused() -> None:
    """A version that wins on average and loses among those who spend most is refused, against either rival."""
    served = 0.4 + NOISE[:500]
    gain = np.where(np.arange(500) >= 400, -0.05, 0.05) + NOISE[500:] / 10
    mine = served + gain
    assert mine.mean() > served.mean()
    refused = failing(judge(version(mine), GateSettings(), current=version(served, SERVED)))
    assert refused == [f"nDCG@10 on all items, best fifth of customers, against the served version {SERVED}"]
    against_own = measured_of({Purpose.ALL: {"regulars": list(mine), "own top": list(served)}})
    refused = failing(judge(against_own, GateSettings()))
    assert refused == ["nDCG@10 on all items, best fifth of customers, against own top"]
    assert not failing(judge(against_own, GateSettings(max_loss_best=1.0)))


def test_too_few_of_the_best_cannot_tell() -> None:
    """Eight best customers of forty are no sample: the rule says so and holds."""
    values = 0.4 + NOISE[:40]
    mine = values + np.where(np.arange(40) >= 32, -0.05, 0.05)
    verdicts = judge(measured_of({Purpose.ALL: {"regulars": list(mine), "own top": list(values)}}), GateSettings())
    (best,) = (verdict for verdict in verdicts if "best fifth" in verdict.rule)
    assert (best.passed, best.judged) == (True, False)
    assert "8 users): too few users to tell" in best.detail


def test_a_baseline_without_a_rule_may_not_win_clearly() -> None:
    """A list of a purpose that has no margin of its own is a rival all the same."""
    values = 0.2 + NOISE[:300]
    every = {"regulars": [0.5] * 300}
    losing = measured_of({Purpose.ALL: every, Purpose.NEW: {"regulars": list(values), "other": list(values + 0.1)}})
    settings = {"max_loss_best": 1.0}
    assert failing(judge(losing, gate(**settings))) == ["nDCG@10 on new items against other"]
    assert not failing(judge(losing, gate(max_loss_other=1.0, **settings)))


def test_another_window_is_said_and_not_judged() -> None:
    """If the served version was measured on other weeks, the figures stand beside each other and nobody is refused."""
    served = version(0.9 + NOISE[:300], SERVED, cut="2024-05-01T00:00:00")
    verdicts = check(version(0.4 + NOISE[:300]), GateSettings(), current=served)
    (unjudged,) = (verdict for verdict in verdicts if not verdict.judged)
    assert "one begins on 2024-06-01, the other on 2024-05-01" in unjudged.detail
    assert "Each on its own window" in unjudged.detail
    assert "all items 0.3897" in unjudged.detail
    assert "the served one 0.8897" in unjudged.detail


def test_an_old_version_without_figures_by_user() -> None:
    """Either side may lack them: what can be judged is, and the rest says what is missing."""
    new, old = version(0.4 + NOISE[:300]), version(0.4 + NOISE[:300], SERVED)
    old = dataclasses.replace(old, outcomes=None, problem="the file is gone")
    verdicts = check(new, GateSettings(), current=old)
    assert [verdict.judged for verdict in verdicts] == [True, False, True]
    assert f"{SERVED} has no figures by user: the file is gone" in verdicts[1].detail
    bare = dataclasses.replace(new, outcomes=None, problem="the file is gone")
    verdicts = check(bare, GateSettings(), current=version(0.4 + NOISE[:300], SERVED))
    assert [verdict.judged for verdict in verdicts] == [True, False, False]


def test_a_version_is_not_compared_with_itself() -> None:
    """The served version passes the gate again without a rule about itself."""
    served = version(0.4 + NOISE[:300], SERVED)
    assert not any("served version" in verdict.rule for verdict in check(served, GateSettings(), current=served))


def test_without_resamples_nothing_is_clear() -> None:
    """Figures without intervals are judged by their means alone."""
    outcomes = outcomes_of({Purpose.ALL: {"regulars": [0.5] * 40, "own top": [0.4] * 40}})
    table = table_of(outcomes, Bootstrap(resamples=0))
    verdicts = check(Measured(version="v1", evaluation=table, outcomes=outcomes), GateSettings())
    assert [verdict.judged for verdict in verdicts] == [True, False]
    assert "no interval was drawn" in verdicts[1].detail
