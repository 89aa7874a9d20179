"""May this version be published?

A model that loses to a list anybody could write in an afternoon is no model. The gate compares nDCG on the
test window with two such lists: what everybody buys, and what the user always buys. For items new to the user
the second one has nothing to say; there the model must at least reach popularity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from recommender.errors import GateRefused
from recommender.evaluation_table import EvaluationTable
from recommender.purpose import Purpose
from training.settings import GateSettings

METRIC = "ndcg"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One comparison."""

    rule: str
    value: float
    """The model's figure."""
    required: float
    """What it is compared with."""
    strict: bool
    """Whether it must exceed that, or may equal it."""

    @property
    def passed(self) -> bool:
        """Whether the rule holds."""
        return self.value > self.required if self.strict else self.value >= self.required

    def __str__(self) -> str:
        sign = ">" if self.strict else "≥"
        return f"{self.rule}: {self.value:.4f}, must be {sign} {self.required:.4f}"


def judge(evaluation: EvaluationTable, settings: GateSettings) -> list[Verdict]:
    """Return every rule's verdict; a comparison that could not be measured has none."""
    return list(_verdicts(evaluation, settings))


def check(version: str, evaluation: EvaluationTable | None, settings: GateSettings) -> list[Verdict]:
    """Return the verdicts of a version that may be published.

    Raises
    ------
    GateRefused
        If a rule does not hold, or nothing was measured and the configuration does not allow that.
    """
    if evaluation is None:
        if settings.allow_unevaluated:
            return []
        raise GateRefused(
            f"{version} was never evaluated: its log is too short for a test window, "
            "or cut in [evaluation] lies outside it. "
            "Set allow_unevaluated = true in [gate] to publish it all the same"
        )
    verdicts = judge(evaluation, settings)
    if failed := [str(verdict) for verdict in verdicts if not verdict.passed]:
        raise GateRefused(
            f"{version} may not be published: {'; '.join(failed)}. "
            "Train on more or better data, change what [gate] asks for, or publish it all the same with --force"
        )
    return verdicts


def _verdicts(evaluation: EvaluationTable, settings: GateSettings) -> Iterator[Verdict]:
    k = max(evaluation.cutoffs, default=0)
    rules = (
        (Purpose.ALL, "popularity", settings.min_lift_popularity, True),
        (Purpose.ALL, "own top", settings.min_lift_own_top, True),
        (Purpose.NEW, "popularity", settings.min_lift_popularity_new, False),
    )
    for purpose, baseline, lift, strict in rules:
        try:
            model = evaluation.figure(evaluation.subject, purpose, METRIC, k)
            other = evaluation.figure(baseline, purpose, METRIC, k)
        except KeyError:
            continue
        rule = f"nDCG@{k} on {purpose.value} items against {baseline}"
        yield Verdict(rule, model.value, other.value * (1 + lift), strict)
