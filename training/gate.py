"""May this version be published?

A model that loses to a list anybody could write in an afternoon is no model, and one that is worse than what is
served is no progress. The rules, all of them about nDCG on the test window, and in this order:

1. It was measured at all.
2. It beats its baselines, each by its own margin.
3. It does not lose clearly to the version that is served (`training.gate_rules.regression`).
4. It does not lose clearly among the best fifth of customers, to a baseline or to the served version, whatever its
   average (`training.gate_rules.best_fifth`).

*Clearly* means that the whole interval of the paired difference lies beyond the margin, so a shop with forty
customers can publish what is undecided, and cannot publish what is worse.
"""

from __future__ import annotations

from collections.abc import Sequence

from recommender.errors import GateRefused
from training.gate_rules import Verdict, baselines, best_fifth, regression
from training.measured import Measured
from training.settings import GateSettings

__all__ = ["Verdict", "check", "judge", "refuse_failures"]


def judge(candidate: Measured, settings: GateSettings, *, current: Measured | None = None) -> list[Verdict]:
    """Return every rule's verdict on `candidate`; `current` is the version that is served, if any."""
    if candidate.evaluation is None:
        return [_unmeasured(candidate, settings)]
    served = None if current is None or current.version == candidate.version else current
    return [
        *baselines(candidate.evaluation, settings),
        *regression(candidate, served, settings),
        *best_fifth(candidate, served, settings),
    ]


def check(candidate: Measured, settings: GateSettings, *, current: Measured | None = None) -> list[Verdict]:
    """Return the verdicts on a version that may be published.

    Raises
    ------
    GateRefused
        If a rule does not hold.
    """
    verdicts = judge(candidate, settings, current=current)
    refuse_failures(candidate.version, verdicts)
    return verdicts


def refuse_failures(version: str, verdicts: Sequence[Verdict]) -> None:
    """Do nothing if every rule holds.

    Raises
    ------
    GateRefused
        If one does not; the message holds the figures of all that fail.
    """
    if failed := [str(verdict) for verdict in verdicts if not verdict.passed]:
        raise GateRefused(
            f"{version} may not be published: {'; '.join(failed)}. "
            "Train on more or better data, change what [gate] asks for, or publish it all the same with --force"
        )


def _unmeasured(candidate: Measured, settings: GateSettings) -> Verdict:
    allowed = settings.allow_unevaluated
    advice = "[gate] allows that" if allowed else "set allow_unevaluated = true in [gate] to allow that"
    return Verdict(
        rule="measured on a test window",
        detail=f"{candidate.problem or 'it was never measured'}; {advice}",
        passed=allowed,
        judged=not allowed,
    )
