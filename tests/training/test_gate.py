"""May this version be published?"""

import pytest

from recommender.errors import GateRefused
from recommender.evaluation_table import EvaluationTable, Figure
from recommender.purpose import Purpose
from training.gate import check, judge
from training.settings import GateSettings


def table(model: float, popularity: float, own: float, *, new: tuple[float, float] | None) -> EvaluationTable:
    """An evaluation with these figures; `new` holds the model's and popularity's on new items."""
    values = {("regulars", Purpose.ALL): model, ("popularity", Purpose.ALL): popularity, ("own top", Purpose.ALL): own}
    if new is not None:
        values |= {("regulars", Purpose.NEW): new[0], ("popularity", Purpose.NEW): new[1]}
    figures = tuple(
        Figure(ranker=ranker, purpose=purpose, metric="ndcg", k=10, value=value, low=value, high=value, n_users=9)
        for (ranker, purpose), value in values.items()
    )
    return EvaluationTable(
        subject="regulars",
        cut="2024-01-01",
        n_users=9,
        resamples=1,
        level=0.95,
        seed=0,
        figures=figures,
        differences=(),
        deciles=(),
    )


def test_better_model_passes() -> None:
    """Above both lists on all items, at popularity's level on new ones."""
    verdicts = check("v1", table(0.44, 0.18, 0.41, new=(0.05, 0.05)), GateSettings())
    assert [verdict.passed for verdict in verdicts] == [True, True, True]


@pytest.mark.parametrize(
    ("evaluation", "reason"),
    [
        (table(0.18, 0.18, 0.10, new=(0.05, 0.04)), "on all items against popularity: 0.1800, must be > 0.1800"),
        (table(0.40, 0.18, 0.41, new=(0.05, 0.04)), "on all items against own top: 0.4000, must be > 0.4100"),
        (table(0.44, 0.18, 0.41, new=(0.03, 0.04)), "on new items against popularity: 0.0300, must be ≥ 0.0400"),
    ],
    ids=["popularity", "own top", "new items"],
)
def test_model_that_loses_is_refused(evaluation: EvaluationTable, reason: str) -> None:
    """The message says which version, which comparison, and both numbers."""
    with pytest.raises(GateRefused) as refused:
        check("v1", evaluation, GateSettings())
    assert "v1" in str(refused.value)
    assert reason in str(refused.value)


def test_the_bar_is_configurable() -> None:
    """A shop may ask for five percent more than its own top lists, or for less."""
    evaluation = table(0.42, 0.18, 0.41, new=(0.05, 0.04))
    with pytest.raises(GateRefused, match="own top"):
        check("v1", evaluation, GateSettings(min_lift_own_top=0.05))
    assert check("v1", table(0.40, 0.18, 0.41, new=None), GateSettings(min_lift_own_top=-0.1))


def test_what_was_not_measured_is_not_judged() -> None:
    """If nobody bought anything new, the rule for new items is silent."""
    assert len(judge(table(0.44, 0.18, 0.41, new=None), GateSettings())) == 2


def test_unevaluated_version() -> None:
    """Without figures there is no publishing, unless the shop allows it."""
    with pytest.raises(GateRefused, match="allow_unevaluated = true"):
        check("v1", None, GateSettings())
    assert check("v1", None, GateSettings(allow_unevaluated=True)) == []
