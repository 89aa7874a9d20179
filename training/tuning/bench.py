"""How good are these settings? One fit before the window, one blend, one score.

The score of a set of settings is by how much its lists beat those of popularity, as a factor:

    score = Π_p (nDCG_p / nDCG_p of popularity) ^ share_p

over the purposes p of the mix, whose shares add up to 1. In a product, one percent more on new items is worth as much
as one percent more on all items, however far apart the figures are; popularity only sets the scale.

Users are measured in rungs: first some of them, so that settings that are clearly worse are given up early, then all.
What does not change between trials is kept: the window, popularity's lists, and the neighbours of a shrinkage.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from recommender.baselines import BASELINES
from recommender.blend import Blend
from recommender.engine import Engine
from recommender.item_lists import ItemLists
from recommender.learning import MAX_USERS, learn_blend
from recommender.metrics import PER_USER, Relevance
from recommender.model import Model
from recommender.purpose import Purpose
from training.backends import make_backend
from training.fitting import ItemPairs, fit, item_pairs
from training.progress import Step
from training.rehearsal import rank_row
from training.settings import TrainingSettings
from training.tuning.space import Value, with_values
from training.tuning.window import ValidationWindow

Mix = Mapping[Purpose, float]
"""Purpose → its share in the score; the shares add up to 1."""

Report = Callable[[int, float], None]
"""Told the number of a rung and its score; raises `Pruned` to give up."""

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]

FIRST_RUNG = 0.25
LEAST_USERS = 200
"""A rung of fewer users says nothing."""
LEAST_NDCG = 1e-3
"""Stands for anything below it: in a tiny log popularity may hit nothing at all."""
ITERATION_STEPS, PAIRS_STEPS = 20, 250
"""What an iteration and a pass over all pairs are on a bar that moves by one for each user: about their cost."""
MOST_PAIRS = 3
"""Shrinkages whose neighbours are kept; in a large shop each takes some hundred MiB."""


class Pruned(Exception):
    """These settings are clearly worse than others."""


@dataclass(frozen=True, slots=True)
class Score:
    """How good one set of settings is."""

    value: float
    ndcg: dict[str, float]
    """Purpose → mean nDCG of the measured users."""
    per_user: dict[str, list[float | None]]
    """Purpose → nDCG of each measured user, None where nothing could be right; for paired comparisons."""


class Bench:
    """Measures settings on one validation window."""

    def __init__(
        self,
        window: ValidationWindow,
        settings: TrainingSettings,
        *,
        mix: Mix,
        seed: int,
        most_neighbours: int = 1,
    ) -> None:
        self._window, self._settings, self._seed = window, settings, seed
        self._most_neighbours = most_neighbours
        self._mix = {purpose: share for purpose, share in mix.items() if share > 0}
        self._relevant = {purpose: window.measured.relevant(purpose) for purpose in self._mix}
        self._order = np.random.default_rng(seed).permutation(len(window.measured))
        self._pairs: dict[float, ItemPairs] = {}
        everybody = np.ones(len(window.measured), dtype=np.bool_)
        self._popular = {purpose: self._ndcg(purpose, self._popularity(purpose), everybody) for purpose in self._mix}

    def n_steps(self, values: Mapping[str, Value]) -> int:
        """Return by how much `measure` advances its step."""
        settings = with_values(self._settings, values)
        passes = 0 if settings.neighbours.shrinkage in self._pairs else 2 * PAIRS_STEPS
        users = sum(n_users + self._n_learners(settings, n_users) for n_users in self._rungs())
        return ITERATION_STEPS * settings.als.iterations + passes + users

    def measure(self, values: Mapping[str, Value], step: Step, *, report: Report) -> Score:
        """Fit with `values` before the window, and measure.

        Raises
        ------
        Pruned
            If `report` says so.
        """
        settings = with_values(self._settings, values)
        split = self._window.split
        with threadpool_limits(limits=1, user_api="blas"):
            model = fit(
                split.train,
                self._window.catalogue,
                settings,
                make_backend(settings.als),
                now=split.cut,
                progress=Within(step, ITERATION_STEPS),
                pairs=self._neighbours(settings, step),
            )
            *first, everybody = self._rungs()
            for number, n_users in enumerate(first):
                report(number, self._score(model, settings, n_users, step).value)
            return self._score(model, settings, everybody, step)

    def _rungs(self) -> list[int]:
        """Return how many users are measured at each rung, all of them at the last."""
        n_users = len(self._order)
        first = math.ceil(FIRST_RUNG * n_users)
        return [first, n_users] if first >= LEAST_USERS else [n_users]

    def _n_learners(self, settings: TrainingSettings, n_users: int) -> int:
        """Return how many users the blend is learned from while `n_users` are measured."""
        if not settings.blend.learn:
            return 0
        there = min(len(self._window.to_learn_from(settings.blend.window_days)), MAX_USERS)
        return math.ceil(there * n_users / len(self._order))

    def _neighbours(self, settings: TrainingSettings, step: Step) -> ItemPairs:
        shrinkage, k = settings.neighbours.shrinkage, settings.neighbours.k
        if shrinkage not in self._pairs:
            if len(self._pairs) >= MOST_PAIRS:
                del self._pairs[next(iter(self._pairs))]
            wide = with_values(settings, {"neighbours.k": max(self._most_neighbours, k)})
            rows = self._window.split.train
            self._pairs[shrinkage] = item_pairs(rows, wide, advance=lambda: step.advance(PAIRS_STEPS))
        return self._pairs[shrinkage].top(k)

    def _score(self, model: Model, settings: TrainingSettings, n_users: int, step: Step) -> Score:
        rows = np.zeros(len(self._order), dtype=np.bool_)
        rows[self._order[:n_users]] = True
        model = dataclasses.replace(model, blend=self._blend(model, settings, n_users, step))
        ranked = self._rank(model, rows, step)
        per_user = {purpose: self._ndcg(purpose, lists, rows) for purpose, lists in ranked.items()}
        means = {purpose: float(np.nanmean(values)) for purpose, values in per_user.items() if not _empty(values)}
        logs = [
            self._mix[purpose] * math.log(max(mean, LEAST_NDCG) / max(self._popular_mean(purpose, rows), LEAST_NDCG))
            for purpose, mean in means.items()
        ]
        return Score(
            value=math.exp(sum(logs)),
            ndcg={purpose.value: round(mean, 6) for purpose, mean in means.items()},
            per_user={purpose.value: _plain(values) for purpose, values in per_user.items()},
        )

    def _blend(self, model: Model, settings: TrainingSettings, n_users: int, step: Step) -> Blend:
        """Learn the weights from the half that is not measured."""
        if not settings.blend.learn:
            return model.blend
        holdout = self._window.to_learn_from(settings.blend.window_days)
        most = self._n_learners(settings, n_users)
        return learn_blend(model, holdout, seed=self._seed, max_users=most, advance=step.advance)

    def _rank(self, model: Model, rows: Rows, step: Step) -> dict[Purpose, ItemLists]:
        engine, k = Engine(model, version="tuning"), self._settings.evaluation.k
        found: dict[Purpose, list[npt.NDArray[np.int32]]] = {purpose: [] for purpose in self._mix}
        for row in np.flatnonzero(rows).tolist():
            for purpose, item in rank_row(engine, self._window.measured, row, self._mix, k).items():
                found[purpose].append(item)
            step.advance()
        return {purpose: ItemLists.from_rows(lists) for purpose, lists in found.items()}

    def _popularity(self, purpose: Purpose) -> ItemLists:
        split, holdout, k = self._window.split, self._window.measured, self._settings.evaluation.k
        popular = BASELINES["popularity"]
        if purpose is not Purpose.CART:
            return popular(split.train, holdout.user, purpose=purpose, k=k, now=split.cut)
        longest = k + int(holdout.cart.lengths.max(initial=0))
        longer = popular(split.train, holdout.user, purpose=Purpose.ALL, k=longest, now=split.cut)
        return longer.without(holdout.cart).top(k)

    def _popular_mean(self, purpose: Purpose, rows: Rows) -> float:
        values = self._popular[purpose][rows]
        return 0.0 if _empty(values) else float(np.nanmean(values))

    def _ndcg(self, purpose: Purpose, lists: ItemLists, rows: Rows) -> Floats:
        """Return (n,) nDCG of the lists of `rows`; NaN for other rows, and where nothing could be right."""
        k, relevant = self._settings.evaluation.k, self._relevant[purpose]
        measured = rows & (relevant.lengths > 0)
        values = np.full(len(rows), np.nan)
        relevance = Relevance.of(lists.select(measured[rows]), relevant.select(measured), k=k)
        values[measured] = PER_USER["ndcg"](relevance.at(k))
        return values


class Within:
    """A progress whose every step moves one step further out, by `weight` at a time."""

    def __init__(self, step: Step, weight: int) -> None:
        self._step = _Quiet(step, weight)

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
        """Return the outer step."""
        del name, total
        return nullcontext(self._step)

    def message(self, text: str) -> None:
        """Drop what is said about the parts of a trial."""


class _Quiet:
    """Advances a step, and leaves its note alone."""

    def __init__(self, step: Step, weight: int) -> None:
        self._step, self._weight = step, weight

    def advance(self, amount: int = 1) -> None:
        """Move the outer step."""
        self._step.advance(amount * self._weight)

    def note(self, text: str) -> None:
        """Drop it."""


def _empty(values: Floats) -> bool:
    return bool(np.isnan(values).all())


def _plain(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else round(value, 4) for value in values.tolist()]
