"""What came of a search: the best trials, how sure the best is, and which settings mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.bootstrap import Bootstrap
from training.tuning.space import Dimension, Value
from training.tuning.study import Outcome, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """How much better the best trial's lists are than those of the current settings, user by user, for one purpose."""

    purpose: str
    before: float
    best: float
    low: float | None
    """Lower end of the 95 % interval of best − before."""
    high: float | None
    n_users: int

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``undecided``: the interval above zero, below it, or around it."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return "undecided"
        return "better" if self.low > 0 else "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A search as it stands."""

    name: str
    shop: str
    space: tuple[Dimension, ...]
    mix: Mapping[str, float]
    """Purpose → share in the score."""
    k: int
    """Length of the measured lists."""
    window: Mapping[str, Any]
    """`ValidationWindow.facts`; empty where no run has read the log to its end."""
    trials: tuple[Trial, ...]
    importances: Mapping[str, float]
    """Key → share of the differences in score; empty while there are too few trials to tell."""
    n_new: int
    """How many of the trials were made in this run."""
    why_ended: str
    gains: tuple[Gain, ...]
    """Best against `reference`; empty where they are the same or one was not measured."""
    interrupted: bool = False

    @property
    def days(self) -> str:
        """The days of the window, in words."""
        first, last = (self.window.get(name, "an unknown day") for name in ("first_day", "last_day"))
        return f"from {first} to {last}"

    @property
    def ranked(self) -> list[Trial]:
        """The trials that were measured on all users, best first; of equals the earlier one."""
        measured = [trial for trial in self.trials if trial.outcome is Outcome.MEASURED]
        return sorted(measured, key=lambda trial: (-(trial.score or 0.0), trial.number))

    @property
    def best(self) -> Trial | None:
        """The best trial, or None if none was measured."""
        return best_of(self.trials)

    @property
    def reference(self) -> Trial | None:
        """The trial of the settings as they are."""
        return reference_of(self.trials, self.space)

    def changed(self) -> dict[str, Value]:
        """Return the values of the best trial that differ from the settings as they are now."""
        if self.best is None:
            return {}
        now = {dimension.key: dimension.current for dimension in self.space}
        return {key: value for key, value in self.best.values.items() if value != now[key]}


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the measured trial with the highest score, the first of equals; None without any."""
    measured = [trial for trial in trials if trial.outcome is Outcome.MEASURED]
    return max(measured, key=lambda trial: trial.score or 0.0, default=None)


def reference_of(trials: Sequence[Trial], space: Sequence[Dimension]) -> Trial | None:
    """Return the trial of the settings as they are now, or the first one if they were changed and not tried since."""
    now = {dimension.key: dimension.current for dimension in space}
    return next((trial for trial in trials if trial.values == now), next(iter(trials), None))


def gains(trials: Sequence[Trial], space: Sequence[Dimension], *, seed: int) -> tuple[Gain, ...]:
    """Compare the best trial with that of the current settings, user by user."""
    best, reference = best_of(trials), reference_of(trials, space)
    if best is None or reference is None or best is reference or reference.outcome is not Outcome.MEASURED:
        return ()
    return tuple(_gain(purpose, reference, best, seed) for purpose in reference.ndcg if purpose in best.ndcg)


def _gain(purpose: str, reference: Trial, best: Trial, seed: int) -> Gain:
    before, after = (np.array(trial.per_user[purpose], dtype=np.float64) for trial in (reference, best))
    difference = (after - before)[~np.isnan(before)][:, None]
    bootstrap = Bootstrap(seed=seed)
    ((low, high),) = bootstrap.intervals(bootstrap.means(difference))
    return Gain(
        purpose=purpose,
        before=reference.ndcg[purpose],
        best=best.ndcg[purpose],
        low=low,
        high=high,
        n_users=len(difference),
    )
