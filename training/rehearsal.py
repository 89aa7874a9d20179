"""What is learned and measured by pretending that it is an earlier day.

::

    ───────── log ──────────┬── validation ──┬──── test ────┐
    fit, then learn the blend on ────────────┘              │
    fit again up to here ────────────────────┘ measure once ┘

The blend's weights come from the validation window; the test window is looked at once, after everything is
decided. A log too short for a window goes without it: built-in weights, no figures, and a sentence that says
so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.baselines import BASELINES
from recommender.blend import Blend
from recommender.bootstrap import Bootstrap
from recommender.catalogue import Catalogue
from recommender.engine import Engine
from recommender.errors import EmptyLog
from recommender.evaluation import Rankings, evaluate, n_steps
from recommender.evaluation_table import EvaluationTable
from recommender.histories import History
from recommender.holdout import Holdout
from recommender.interactions import Interactions
from recommender.item_lists import ItemLists
from recommender.learning import MAX_USERS, learn_blend
from recommender.model import Model
from recommender.outcomes import Outcomes
from recommender.purpose import WITHOUT_CART, Purpose
from recommender.ranking import top_k
from recommender.slate_quality import SlateQuality
from recommender.splits import Split, time_split
from training.backends import Backend
from training.fitting import fit
from training.progress import Progress
from training.settings import EvaluationSettings, TrainingSettings
from training.variety import MAX_USERS as MAX_TRIAL_USERS
from training.variety import Trial, VarietyFigures, n_sweeps, shown_reasons, shown_slates, sweep

SUBJECT = "regulars"
"""Name of the model in tables and reports."""

TOGETHER = "bought together"
"""Name of the baseline that only knows which items share baskets."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What an earlier day taught."""

    blend: Blend | None
    """Learned weights, or None for the built-in ones."""
    evaluation: EvaluationTable | None
    """Figures on the test window, or None if there was nothing to measure."""
    outcomes: Outcomes | None = None
    """The same user by user."""
    variety: VarietyFigures | None = None
    """What variety costs on the validation window, and the slates as shown on the test window."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the log that is held out, and its truth."""

    split: Split
    holdout: Holdout


def rehearse(
    interactions: Interactions,
    catalogue: Catalogue,
    settings: TrainingSettings,
    backend: Backend,
    *,
    now: np.datetime64,
    progress: Progress,
) -> Rehearsal:
    """Learn the blend on the validation window and measure the result on the test window; `now` ends the
    log.
    """
    cut = cut_of(settings.evaluation, now=now)
    test = _window(interactions, cut, None, "evaluation is skipped", progress)
    end = now if test is None else cut
    blend = None
    tradeoff: tuple[SlateQuality, ...] = ()
    if settings.blend.learn:
        start = end - np.timedelta64(settings.blend.window_days, "D")
        validation = _window(interactions, start, end, "the blend keeps its built-in weights", progress)
        if validation is not None:
            past = fit(
                validation.split.train, catalogue, settings, backend, now=start, progress=progress, stage="validation"
            )
            blend = _learn(past, validation.holdout, settings, progress)
            tradeoff = _sweep(dataclasses.replace(past, blend=blend), validation, settings, progress)
    if test is None:
        return Rehearsal(blend, None, variety=VarietyFigures(tradeoff=tradeoff) if tradeoff else None)
    model = fit(test.split.train, catalogue, settings, backend, now=cut, progress=progress, blend=blend, stage="test")
    rankings = rank_all(model, test, settings, progress)
    return Rehearsal(
        blend,
        measure(rankings, test, settings, progress),
        outcomes_of(rankings, test, settings),
        _measure_slates(model, test, tradeoff, settings, progress),
    )


def cut_of(settings: EvaluationSettings, *, now: np.datetime64) -> np.datetime64:
    """Return the first moment of the test window, midnight UTC."""
    if settings.cut is not None:
        return np.datetime64(settings.cut, "s")
    start: np.datetime64 = now - np.timedelta64(settings.test_days, "D")
    return np.datetime64(np.datetime_as_string(start, "D"), "s")


def rank_all(model: Model, test: Window, settings: TrainingSettings, progress: Progress) -> Rankings:
    """Rank for every user of the window with the model and the baselines."""
    options, holdout = settings.evaluation, test.holdout
    with progress.step("test: rank", total=len(holdout)) as step:
        return {SUBJECT: _rank(model, holdout, options.k, step.advance), **_simple_rankings(model, test, options.k)}


def measure(rankings: Rankings, test: Window, settings: TrainingSettings, progress: Progress) -> EvaluationTable:
    """Compare the model's lists with those of the baselines."""
    options, holdout = settings.evaluation, test.holdout
    bootstrap = Bootstrap(resamples=options.bootstrap, seed=settings.als.seed)
    with progress.step("test: measure", total=n_steps(rankings, bootstrap)) as step:
        return evaluate(
            rankings, holdout, subject=SUBJECT, cutoffs=(options.k,), bootstrap=bootstrap, advance=step.advance
        )


def outcomes_of(rankings: Rankings, test: Window, settings: TrainingSettings) -> Outcomes:
    """Return what each user's list was worth."""
    return Outcomes.of(rankings, test.split, test.holdout, subject=SUBJECT, k=settings.evaluation.k)


def _window(
    interactions: Interactions, start: np.datetime64, end: np.datetime64 | None, otherwise: str, progress: Progress
) -> Window | None:
    try:
        split = time_split(interactions, start, end=end)
        return Window(split, Holdout.from_split(split))
    except EmptyLog as reason:
        progress.message(f"{otherwise}: {reason}")
        return None


def _learn(model: Model, holdout: Holdout, settings: TrainingSettings, progress: Progress) -> Blend:
    with progress.step("validation: learn the blend", total=min(len(holdout), MAX_USERS)) as step:
        return learn_blend(model, holdout, seed=settings.als.seed, advance=step.advance)


def _sweep(model: Model, window: Window, settings: TrainingSettings, progress: Progress) -> tuple[SlateQuality, ...]:
    total = min(len(window.holdout), MAX_TRIAL_USERS) + n_sweeps()
    with progress.step("validation: turn the diversity dial", total=total) as step:
        return sweep(_trial(model, window, settings, step.advance), advance=step.advance)


def _measure_slates(
    model: Model, window: Window, tradeoff: tuple[SlateQuality, ...], settings: TrainingSettings, progress: Progress
) -> VarietyFigures:
    with progress.step("test: measure slates", total=min(len(window.holdout), MAX_TRIAL_USERS)) as step:
        trial = _trial(model, window, settings, step.advance)
        return VarietyFigures(tradeoff=tradeoff, slates=shown_slates(trial), reasons=shown_reasons(trial))


def _trial(model: Model, window: Window, settings: TrainingSettings, advance: Callable[[], None]) -> Trial:
    bootstrap = Bootstrap(resamples=settings.evaluation.bootstrap, seed=settings.als.seed)
    return Trial.of(model, window.split, window.holdout, k=settings.evaluation.k, bootstrap=bootstrap, advance=advance)


def _rank(model: Model, holdout: Holdout, k: int, advance: Callable[[], None]) -> dict[Purpose, ItemLists]:
    engine = Engine(model, version="rehearsal")
    rows: dict[Purpose, list[npt.NDArray[np.int32]]] = {purpose: [] for purpose in Purpose}
    for row in range(len(holdout)):
        for purpose, item in rank_row(engine, holdout, row, tuple(Purpose), k).items():
            rows[purpose].append(item)
        advance()
    return {purpose: ItemLists.from_rows(lists) for purpose, lists in rows.items()}


def rank_row(
    engine: Engine, holdout: Holdout, row: int, purposes: Collection[Purpose], k: int
) -> dict[Purpose, npt.NDArray[np.int32]]:
    """Rank for one user of the holdout, as of the model's "now"; return (k,) items by purpose."""
    model = engine.model
    history, cart = model.histories.of(int(holdout.user[row])), holdout.cart.row(row)
    usual = [purpose for purpose in purposes if purpose is not Purpose.CART]
    found = engine.rankings_for(history, usual, now=model.as_of, k=k) if usual else {}
    ranked = {purpose: best.item for purpose, best in found.items()}
    if Purpose.CART in purposes:
        ranked[Purpose.CART] = _complete(engine, history, cart, k)
    return ranked


def _complete(engine: Engine, history: History, cart: npt.NDArray[np.int32], k: int) -> npt.NDArray[np.int32]:
    """Rank what goes with a cart; nothing does where there is none."""
    if not len(cart):
        return cart
    model = engine.model
    filling = history.with_cart(cart, model.confidence, now=model.as_of)
    return engine.rankings_for(filling, [Purpose.CART], now=model.as_of, k=k, cart=cart)[Purpose.CART].item


def _simple_rankings(model: Model, test: Window, k: int) -> dict[str, dict[Purpose, ItemLists]]:
    """Rank with the baselines; for a cart, with what its items are bought together with as well."""
    train, holdout = test.split.train, test.holdout
    longest = k + int(holdout.cart.lengths.max(initial=0))
    found = {}
    for name, baseline in BASELINES.items():
        ranked = {p: baseline(train, holdout.user, purpose=p, k=k, now=model.as_of) for p in WITHOUT_CART}
        longer = baseline(train, holdout.user, purpose=Purpose.ALL, k=longest, now=model.as_of)
        found[name] = {**ranked, Purpose.CART: longer.without(holdout.cart).top(k)}
    found[TOGETHER] = {Purpose.CART: ItemLists.from_rows([_around(model, cart, k) for cart in holdout.cart])}
    return found


def _around(model: Model, cart: npt.NDArray[np.int32], k: int) -> npt.NDArray[np.int32]:
    links = model.together.scores(cart, np.ones(len(cart)))
    return top_k(links, k, keep=links > 0, exclude=cart).item
