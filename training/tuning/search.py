"""Round and round until the budget is spent: propose, measure, remember.

The search reads nothing from the test window on, and never measures there: that is left to the one `train` that follows
with the settings that were found.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recommender.errors import ConfigError, RecommenderError
from recommender.purpose import Purpose
from training.backends import make_backend
from training.fingerprint import library_versions, run_fingerprint
from training.inputs import Sources, erased_users, find_sources
from training.progress import Progress, Step
from training.settings import TrainingSettings
from training.tuning.bench import Bench, Mix, Pruned
from training.tuning.findings import Findings, best_of, gains
from training.tuning.space import SPACE, Dimension, most_neighbours, space_for, window_days, without_keys
from training.tuning.study import Outcome, Proposal, Study, Trial, open_study, refusal_in
from training.tuning.window import open_window
from training.writing import writing_to

HASH_LENGTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """When a search ends."""

    trials: int = 30
    """Trials of the study, those of earlier runs included."""
    minutes: float | None = None
    """Of this run; a trial that is under way is finished."""
    patience: int = 15
    """Trials without a better one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to search for."""

    budget: Budget = Budget()
    keys: tuple[str, ...] = ()
    """Dotted keys to vary; all that can be, if none is named."""
    mix: Mix = field(default_factory=lambda: {Purpose.ALL: 0.5, Purpose.NEW: 0.5})
    seed: int = 42


def tuning_folder(settings: TrainingSettings) -> Path:
    """Return where studies are kept."""
    return settings.data_dir / "tuning"


def tune(settings: TrainingSettings, request: Request, *, progress: Progress) -> Findings:
    """Search for better settings, beginning with the current ones; go on where an earlier run stopped.

    Ctrl-C ends the search; the trial under way comes first when it goes on, and the findings say so.

    Raises
    ------
    MissingExtra
        If optuna is not installed.
    InvalidInput
        If the log has no window to search on, or another process searches the same study.
    ConfigError
        If a key cannot be searched, or the mix is empty.
    RecommenderError
        If every trial failed.
    """
    space, mix = space_for(settings, request.keys), normalised(request.mix)
    sources = find_sources(settings)
    with progress.step("look for changes") as step:
        name = study_name(settings, sources, request, space=space, mix=mix)
        step.note(name)
    folder = tuning_folder(settings)
    with writing_to(folder), open_study(folder, name, space, seed=request.seed) as kept:
        search = _Search(kept, request.budget, progress)
        if (why := search.why_end()) is None:

            def make_bench() -> Bench:
                window = open_window(sources, settings, progress, seed=request.seed)
                kept.note(window.facts())
                with progress.step("rank by popularity"):
                    return Bench(window, settings, mix=mix, seed=request.seed, most_neighbours=most_neighbours(space))

            why = search.run(make_bench)
        trials = kept.trials()
        _refuse_if_all_failed(trials)
        return Findings(
            name=name,
            shop=settings.shop.name,
            space=space,
            mix={purpose.value: share for purpose, share in mix.items()},
            k=settings.evaluation.k,
            window=kept.facts(),
            trials=tuple(trials),
            importances=kept.importances(),
            n_new=search.n_new,
            why_ended=why,
            gains=gains(trials, space, seed=request.seed),
            interrupted=search.interrupted,
        )


def normalised(mix: Mix) -> dict[Purpose, float]:
    """Return the shares above 0, so that they add up to 1.

    Raises
    ------
    ConfigError
        If a share is negative or all are 0.
    """
    total = sum(mix.values())
    if not 0 < total < float("inf") or min(mix.values()) < 0:
        raise ConfigError(f"a mix needs shares of at least 0, one of them above; not {dict(mix)}")
    return {purpose: share / total for purpose, share in mix.items() if share > 0}


def study_name(
    settings: TrainingSettings, sources: Sources, request: Request, *, space: Sequence[Dimension], mix: Mix
) -> str:
    """Name a study after all that its scores depend on: files, program, window, mix, seed and settings not searched.

    The current values of what is searched are no part of it: taking over what was found goes on with the same study.
    """
    searched = [dimension.key for dimension in space]
    parameters = without_keys(settings.parameters(), searched)
    inputs: dict[str, Any] = {
        **parameters,
        "erased": sorted(erased_users(settings)),
        "space": [dataclasses.asdict(base) for base in SPACE if base.key in searched],
        "window_days": window_days(settings),
        "mix": {purpose.value: share for purpose, share in mix.items()},
        "tuning_seed": request.seed,
    }
    libraries = library_versions(make_backend(settings.als).libraries)
    fingerprint = run_fingerprint(sources, inputs, libraries)
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:HASH_LENGTH]


class _Search:
    """The rounds of one run."""

    def __init__(self, study: Study, budget: Budget, progress: Progress) -> None:
        self._study, self._budget, self._progress = study, budget, progress
        self._start = time.monotonic()
        self.n_new = 0
        self.interrupted = False

    def why_end(self) -> str | None:
        """Say why there is nothing to do, or None if there is."""
        trials, budget = self._study.trials(), self._budget
        if len(trials) >= budget.trials:
            return f"{len(trials)} of {budget.trials} trials are done"
        best = best_of(trials)
        if len(trials) - (best.number if best else 0) >= budget.patience:
            return f"none of the last {budget.patience} trials was better than trial {best.number if best else '–'}"
        if budget.minutes is not None and self._minutes() >= budget.minutes:
            return f"{budget.minutes:g} minutes are over"
        return None

    def run(self, make_bench: Callable[[], Bench]) -> str:
        """Try until something ends the search, and return what did."""
        try:
            bench = make_bench()
            with self._progress.step("search", total=self._budget.trials) as step:
                step.advance(len(self._study.trials()))
                while (why := self.why_end()) is None:
                    self._try(bench)
                    self.n_new += 1
                    step.advance()
                step.note(self._best_so_far())
                return why
        except KeyboardInterrupt:
            self._study.let_go()
            self.interrupted = True
            return "it was interrupted"

    def _try(self, bench: Bench) -> None:
        proposal = self._study.propose()
        number = len(self._study.trials()) + 1
        start = time.monotonic()
        try:
            name = f"trial {number} of {self._budget.trials}, {self._best_so_far()}"
            with self._progress.step(name, total=bench.n_steps(proposal.values)) as step:
                self._measure(bench, proposal, step, start)
        except Exception as error:
            if refusal_in(error) is not None:
                raise
            problem = str(error) if isinstance(error, RecommenderError) else repr(error)
            self._study.failed(proposal, problem, round(time.monotonic() - start, 1))
            self._progress.message(f"trial {number} failed with {_written(proposal.values)}: {problem}")

    def _measure(self, bench: Bench, proposal: Proposal, step: Step, start: float) -> None:
        def report(rung: int, score: float) -> None:
            if self._study.should_give_up(proposal, rung, score):
                raise Pruned

        try:
            score = bench.measure(proposal.values, step, report=report)
        except Pruned:
            self._study.given_up(proposal, round(time.monotonic() - start, 1))
            step.note("given up: worse than most at a quarter of the users")
        else:
            self._study.measured(proposal, score, round(time.monotonic() - start, 1))
            step.note(f"{score.value:.4f}")

    def _best_so_far(self) -> str:
        best = best_of(self._study.trials())
        return "none yet" if best is None else f"best so far {best.score:.4f} (trial {best.number})"

    def _minutes(self) -> float:
        return (time.monotonic() - self._start) / 60


def _refuse_if_all_failed(trials: Sequence[Trial]) -> None:
    if trials and all(trial.outcome is Outcome.FAILED for trial in trials):
        raise RecommenderError(f"all {len(trials)} trials failed; the last one: {trials[-1].problem}")


def _written(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in values.items())
