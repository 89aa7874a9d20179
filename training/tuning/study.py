"""What was tried, and what to try next: the one file that imports optuna.

A study is one SQLite file. It is named after everything its scores depend on, so that going on is opening the same
file, and a changed log or program begins another. Proposals come from a tree-structured Parzen estimator (Bergstra et
al. 2011) that is seeded anew for each trial: stopped and continued, a search tries what it would have in one go.
Trials that are worse than the median of the others at the same rung are given up.
"""

from __future__ import annotations

import fcntl
import importlib.util
import logging
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.errors import InvalidInput, MissingExtra
from training.tuning.bench import Score
from training.tuning.space import Dimension, Value

if TYPE_CHECKING:
    import optuna

RANDOM_TRIALS = 8
"""Trials before the estimator has seen enough to propose."""
TRIALS_BEFORE_PRUNING = 4


class Outcome(StrEnum):
    """How a trial ended."""

    MEASURED = "measured"
    GIVEN_UP = "given up"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One set of settings, and what came of it."""

    number: int
    """From 1, in the order they were finished."""
    outcome: Outcome
    values: Mapping[str, Value]
    """Dotted key → value."""
    score: float | None
    """For a trial that was given up, that of its last rung; None where it failed."""
    ndcg: Mapping[str, float]
    per_user: Mapping[str, Sequence[float | None]]
    seconds: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Settings to try."""

    values: dict[str, Value]
    handle: Any
    """Optuna's own trial."""


class Study:
    """The trials of one search; open it with `open_study`."""

    def __init__(self, study: optuna.Study, space: Sequence[Dimension], seed: int) -> None:
        self._study = study
        self._space = {dimension.key: dimension for dimension in space}
        self._seed = seed

    def trials(self) -> list[Trial]:
        """Return the finished trials, oldest first; those that were interrupted do not count."""
        return [_trial(number, found) for number, found in enumerate(self._finished(), start=1)]

    def propose(self) -> Proposal:
        """Return what to try next: what was interrupted, the current settings, and then something new."""
        import optuna

        seed = (self._seed + len(self._finished())) % 2**32
        self._study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)
        current = {key: dimension.current for key, dimension in self._space.items()}
        if current not in [trial.user_attrs["values"] for trial in self._finished()]:
            self._study.enqueue_trial(current, skip_if_exists=True)
        trial = self._study.ask({key: _distribution(dimension) for key, dimension in self._space.items()})
        return Proposal({key: self._space[key].tidy(value) for key, value in trial.params.items()}, trial)

    def should_give_up(self, proposal: Proposal, rung: int, score: float) -> bool:
        """Note the score at a rung, and say whether it is worse than that of most others there."""
        proposal.handle.report(score, rung)
        proposal.handle.set_user_attr("score", score)
        return bool(proposal.handle.should_prune())

    def measured(self, proposal: Proposal, score: Score, seconds: float) -> None:
        """Keep a finished trial."""
        details = {"score": score.value, "ndcg": score.ndcg, "per_user": score.per_user}
        self._tell(proposal, Outcome.MEASURED, details | {"seconds": seconds}, value=score.value)

    def given_up(self, proposal: Proposal, seconds: float) -> None:
        """Keep a trial that was not worth finishing."""
        self._tell(proposal, Outcome.GIVEN_UP, {"seconds": seconds})

    def failed(self, proposal: Proposal, problem: str, seconds: float) -> None:
        """Keep a trial that could not be finished, with the reason."""
        self._tell(proposal, Outcome.FAILED, {"problem": problem, "seconds": seconds})

    def let_go(self) -> None:
        """Give up what Ctrl-C left half done in the database; the trial under way is put back when the search goes on.

        Nothing is written: the statement that was cut off may still hold the file.
        """
        self._study._storage.remove_session()

    def facts(self) -> dict[str, Any]:
        """Return what was noted about the study as a whole."""
        return dict(self._study.user_attrs)

    def note(self, facts: Mapping[str, Any]) -> None:
        """Note something about the study as a whole."""
        for name, value in facts.items():
            self._study.set_user_attr(name, value)

    def importances(self) -> dict[str, float]:
        """Return how much of the differences in score each key explains, largest first; empty while nobody can tell."""
        import optuna

        measured = [trial for trial in self.trials() if trial.outcome is Outcome.MEASURED]
        if len(measured) < RANDOM_TRIALS or len({trial.score for trial in measured}) < 2:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(optuna.importance.get_param_importances(self._study))

    def _tell(
        self, proposal: Proposal, outcome: Outcome, details: Mapping[str, Any], *, value: float | None = None
    ) -> None:
        for name, detail in {"values": proposal.values, **details, "outcome": outcome.value}.items():
            proposal.handle.set_user_attr(name, detail)
        _close(self._study, proposal.handle.number, outcome, value)

    def _finished(self) -> list[optuna.trial.FrozenTrial]:
        return [trial for trial in self._study.get_trials(deepcopy=False) if "outcome" in trial.user_attrs]


@contextmanager
def open_study(folder: Path, name: str, space: Sequence[Dimension], *, seed: int) -> Iterator[Study]:
    """Open the study called `name` in `folder`, or begin it; nobody else may have it open.

    Raises
    ------
    MissingExtra
        If optuna is not installed.
    InvalidInput
        If another process is at it, or its file cannot be opened or is damaged.
    """
    if importlib.util.find_spec("optuna") is None:
        raise MissingExtra("the search for settings", extra="tune")
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / f"{name}.lock"):
        path = folder / f"{name}.db"
        _check(path)
        with _refusals_of_the_database(path):
            study = _optuna_study(path, name)
            try:
                _check_trials(study, path, {dimension.key for dimension in space})
                _put_back_unfinished(study)
                yield Study(study, space, seed)
            finally:
                study._storage.remove_session()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InvalidInput(f"{path.with_suffix('.db')} is being searched by another process; wait for it") from None
        yield


def _check(path: Path) -> None:
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            (said,) = connection.execute("PRAGMA quick_check").fetchone()
    except sqlite3.OperationalError as error:
        raise _unusable(path, error) from None
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from None
    if said != "ok":
        raise _damaged(path, said.splitlines()[-1])


@contextmanager
def _refusals_of_the_database(path: Path) -> Iterator[None]:
    """Say in a sentence why SQLite refused, however deep inside optuna it did."""
    try:
        yield
    except Exception as error:
        if (refusal := refusal_in(error)) is None:
            raise
        raise _unusable(path, refusal) from error


def refusal_in(error: BaseException | None) -> sqlite3.OperationalError | None:
    """Return the refusal of SQLite (locked, read-only, no room) among the causes of an error, if it is there."""
    while error is not None and not isinstance(error, sqlite3.OperationalError):
        error = error.__cause__
    return error


def _unusable(path: Path, error: sqlite3.OperationalError) -> InvalidInput:
    if "locked" in str(error):
        return InvalidInput(f"{path} is in use by another process ({error}); wait for it or stop it")
    return InvalidInput(f"{path} cannot be used ({error}); look at its permissions and the room on its disk")


def _damaged(path: Path, problem: str) -> InvalidInput:
    return InvalidInput(f"{path} is damaged ({problem}); delete it to begin the search anew")


def _optuna_study(path: Path, name: str) -> optuna.Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside optuna and SQLAlchemy are theirs
        import optuna

        optuna.logging.set_verbosity(logging.ERROR)
        return optuna.create_study(
            storage=f"sqlite:///{path.absolute()}",
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=TRIALS_BEFORE_PRUNING),
        )


def _distribution(dimension: Dimension) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import FloatDistribution, IntDistribution

    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _put_back_unfinished(study: optuna.Study) -> None:
    """Put back what a killed or interrupted process left behind; what has its outcome needs to be closed only."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if "outcome" in trial.user_attrs:
            outcome = Outcome(trial.user_attrs["outcome"])
            _close(study, trial.number, outcome, trial.user_attrs.get("score"))
            continue
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(dict(trial.params))


def _close(study: optuna.Study, number: int, outcome: Outcome, value: float | None) -> None:
    from optuna.trial import TrialState

    state = {Outcome.GIVEN_UP: TrialState.PRUNED, Outcome.FAILED: TrialState.FAIL}.get(outcome)
    study.tell(number, value if outcome is Outcome.MEASURED else None, state=state)


def _check_trials(study: optuna.Study, path: Path, keys: set[str]) -> None:
    """Refuse trials that another program robbed of what is noted with each."""
    for trial in study.get_trials(deepcopy=False):
        kept = trial.user_attrs
        if "outcome" not in kept:
            continue
        needed = {"values", "seconds"}
        if kept["outcome"] == Outcome.MEASURED:
            needed |= {"score", "ndcg", "per_user"}
        if missing := sorted(needed - kept.keys()):
            raise _damaged(path, f"trial {trial.number} has lost its {', '.join(missing)}")
        if kept["outcome"] not in list(Outcome) or not isinstance(kept["values"], dict) or set(kept["values"]) != keys:
            raise _damaged(path, f"trial {trial.number} has an outcome or values of no known form")


def _trial(number: int, found: optuna.trial.FrozenTrial) -> Trial:
    kept = found.user_attrs
    return Trial(
        number=number,
        outcome=Outcome(kept["outcome"]),
        values=kept["values"],
        score=kept.get("score"),
        ndcg=kept.get("ndcg", {}),
        per_user=kept.get("per_user", {}),
        seconds=kept["seconds"],
        problem=kept.get("problem", ""),
    )
