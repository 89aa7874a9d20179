"""Pairs of users and items without time, split by whoever published them: rank all items that a user lacks.

The engine is the shop's, with its habits off by construction: nothing is bought twice and everything at one moment, so
the purpose is "new", its candidates are not owned, and every feature of habit is 0 for them. Test pairs are looked
at once, after everything is decided: a fifth of each user's train pairs is hidden, the model is fitted on the rest,
the blend's weights are learned on some users' hidden pairs, and the figures of other users tell what a
choice of settings is worth. Then the model is fitted on all train pairs and ranks for everybody.

Both figures are those of the published tables: Recall@20 = hits / |test items of the user|, and nDCG@20 with
the ideal list cut at min(20, |test items|).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.quality.parquet import read_table
from benchmarks.quality.scoreboard import Result, Row
from recommender.blend import Blend
from recommender.catalogue import Catalogue, Item
from recommender.events import Event
from recommender.features import Describer
from recommender.holdout import Holdout
from recommender.ids import IdMap
from recommender.interactions import Interactions
from recommender.item_lists import ItemLists
from recommender.learning import FULL_ANSWERS, learn_blend
from recommender.metrics import Relevance, ndcg, recall
from recommender.model import Model
from recommender.purpose import Purpose
from recommender.ranking import top_k
from recommender.signals import Scores, Signal
from recommender.splits import Split
from training.backends import make_backend
from training.fitting import fit
from training.progress import Progress
from training.settings import TrainingSettings

K = 20
START = np.datetime64("2000-01-01T00:00:00", "s")
"""When everything in train was bought."""
CUT = START + np.timedelta64(1, "s")
"""When everything hidden was."""
HIDDEN_SHARE = 0.2
"""Of each user's train pairs, and at least one."""

BLOCK_USERS = 128
"""Whose factors are multiplied at once: 20 MB of scores for 41,000 items."""

ENGINE = ""
"""Name of the blend among the rankers."""

Indices = npt.NDArray[np.int64]
Rankings = dict[str, ItemLists]
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Task:
    """One data set: its bounds and what was chosen for it on the hidden pairs."""

    data: str
    bounds: Mapping[str, tuple[float, float]]
    """Floor and goal by metric."""
    settings: TrainingSettings
    learned: int = 2000
    """From how many users' hidden pairs a full run learns the weights."""
    full_answers: int = FULL_ANSWERS
    """How many hidden pairs give a user a full say in them; 1 lets all count alike."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How many users are learned from and measured."""

    learned: int
    validated: int
    tested: int | None
    """None for everybody."""

    @classmethod
    def of(cls, *, quick: bool, learned: int = 2000) -> Effort:
        """Return the effort of a full or of a short run."""
        return cls(300, 300, 1000) if quick else cls(learned, 2000, None)


@dataclass(slots=True)
class Stopwatch:
    """Seconds by step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, step: str) -> Iterator[None]:
        """Add what passes inside to `step`."""
        start = time.perf_counter()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - start


def measure(task: Task, folder: Path, *, seed: int, quick: bool, progress: Progress) -> Result:
    """Learn on train alone, rank for the users of the test side, and measure.

    Raises
    ------
    MissingData
        If a file is not there.
    """
    effort, watch = Effort.of(quick=quick, learned=task.learned), Stopwatch()
    settings = task.settings.model_copy(update={"als": task.settings.als.model_copy(update={"seed": seed})})
    train, test = read(folder)
    log = Log.of(train, test)
    with watch.time("learn the blend"):
        blend, validated = rehearse(log, settings, effort, full_answers=task.full_answers, seed=seed, progress=progress)
    with watch.time("fit on all of train"):
        model = log.fit(log.train, settings, progress, blend=blend, stage="fit")
    holdout = log.holdout(log.train, log.test)
    if effort.tested is not None:
        holdout = log.holdout(log.train, _of(log.test, _shuffled(holdout, seed)[: effort.tested]))
    with watch.time("rank and measure"):
        figures = figures_of(model, holdout, progress, stage="test")
    return Result(
        data=task.data,
        rows=tuple(_row(name, value, task.bounds) for name, value in figures.items()),
        settings=_told(settings) | {"validation": _rounded(validated), "weights": _rounded(blend.named(Purpose.NEW))},
        seconds=watch.seconds,
        notes=_notes(effort, len(holdout)),
        seed=seed,
    )


@dataclass(frozen=True, slots=True)
class Log:
    """Pairs as purchases: numbers become ids that sort as the numbers do."""

    users: IdMap
    items: IdMap
    train: Indices
    """(n, 2) user and item."""
    test: Indices

    @classmethod
    def of(cls, train: Indices, test: Indices) -> Log:
        """Name everybody and everything on either side."""
        n_users, n_items = np.concatenate([train, test]).max(axis=0, initial=0) + 1
        return cls(_numbered(int(n_users)), _numbered(int(n_items)), train, test)

    def purchases(self, pairs: Indices, at: np.datetime64) -> Interactions:
        """Return pairs as purchases of one unit, each an order by itself."""
        n = len(pairs)
        return Interactions.from_columns(
            self.users,
            self.items,
            user=pairs[:, 0].astype(np.int32),
            item=pairs[:, 1].astype(np.int32),
            event=np.full(n, Event.PURCHASE, np.int8),
            quantity=np.ones(n, np.float32),
            amount=np.ones(n),
            order=np.arange(n, dtype=np.int32),
            time=np.full(n, at),
        )

    def fit(
        self, pairs: Indices, settings: TrainingSettings, progress: Progress, *, blend: Blend | None, stage: str
    ) -> Model:
        """Train the shop's model on `pairs`."""
        catalogue = Catalogue.from_items([Item(item_id=item_id) for item_id in self.items])
        past, backend = self.purchases(pairs, START), make_backend(settings.als)
        return fit(past, catalogue, settings, backend, now=CUT, progress=progress, blend=blend, stage=stage)

    def holdout(self, known: Indices, hidden: Indices) -> Holdout:
        """Return `hidden` as the truth about those who are in `known`."""
        return Holdout.from_split(Split(self.purchases(known, START), self.purchases(hidden, CUT), CUT))


def rehearse(
    log: Log, settings: TrainingSettings, effort: Effort, *, full_answers: int, seed: int, progress: Progress
) -> tuple[Blend, Figures]:
    """Hide a part of train; return the blend learned on some users, and the figures of others."""
    hidden = hide(log.train, seed=seed)
    model = log.fit(log.train[~hidden], settings, progress, blend=None, stage="validation")
    known, truth = log.train[~hidden], log.train[hidden]
    user = _shuffled(log.holdout(known, truth), seed)
    first = min(effort.learned, len(user) // 2)
    learned = log.holdout(known, _of(truth, user[:first]))
    with progress.step("validation: learn the blend", total=len(learned)) as step:
        blend = learn_blend(model, learned, seed=seed, full_answers=full_answers, advance=step.advance)
    others = log.holdout(known, _of(truth, user[first : first + effort.validated]))
    return blend, figures_of(dataclasses.replace(model, blend=blend), others, progress, stage="validation")


def hide(pairs: Indices, *, seed: int) -> npt.NDArray[np.bool_]:
    """Mark `HIDDEN_SHARE` of each user's pairs by chance, rounded down but at least one."""
    user, drawn = pairs[:, 0], np.random.default_rng(seed).random(len(pairs))
    order = np.lexsort((drawn, user))
    sizes = np.bincount(user)
    rank = np.empty(len(pairs), dtype=np.int64)
    rank[order] = np.arange(len(pairs)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    hidden: npt.NDArray[np.bool_] = rank < np.maximum((sizes * HIDDEN_SHARE).astype(np.int64), 1)[user]
    return hidden


def figures_of(model: Model, holdout: Holdout, progress: Progress, *, stage: str) -> Figures:
    """Rank by the blend and by single components, and measure each."""
    with progress.step(f"{stage}: rank", total=len(holdout)) as step:
        rankings = _rankings(model, holdout, step.advance)
    relevant, figures = holdout.relevant(Purpose.NEW), {}
    for ranker, lists in rankings.items():
        relevance = Relevance.of(lists, relevant, k=K)
        prefix = f"{ranker}: " if ranker else ""
        figures[f"{prefix}Recall@{K}"] = float(recall(relevance, classic=True).mean())
        figures[f"{prefix}nDCG@{K}"] = float(ndcg(relevance).mean())
    return figures


def _rankings(model: Model, holdout: Holdout, advance: Callable[[], None]) -> Rankings:
    describer, popular = Describer(model), Scores(model.popularity.total.astype(np.float32))
    rows: dict[str, list[npt.NDArray[np.int32]]] = {}
    for user, factors in _factor_scores(model, holdout.user):
        history = model.histories.of(user)
        signals = describer.signals(history, now=model.as_of, factors=factors)
        item = describer.candidates(history, signals)
        features = describer.features(history, signals, item, now=model.as_of)
        best = top_k(model.blend.score(features, Purpose.NEW), K, keep=~history.owns(item))
        rows.setdefault(ENGINE, []).append(item[best.item])
        alone: dict[str, Signal | None] = {
            "ALS alone": signals.factors,
            "item neighbours alone": signals.similar,
            "peers alone": signals.peers,
            "popularity": popular,
        }
        for name, signal in alone.items():
            if signal is not None:
                rows.setdefault(name, []).append(signal.best(K, exclude=history.owned).item)
        advance()
    return {name: ItemLists.from_rows(lists) for name, lists in rows.items()}


def _factor_scores(model: Model, user: npt.NDArray[np.int32]) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Yield each user with their scores of all items: multiplied in blocks, a thousand factors cost little."""
    for start in range(0, len(user), BLOCK_USERS):
        block = user[start : start + BLOCK_USERS]
        yield from zip(block.tolist(), model.factors.user[block] @ model.factors.item.T, strict=True)


def read(folder: Path) -> tuple[Indices, Indices]:
    """Return (n, 2) user and item of the train side, and of the test side.

    Raises
    ------
    MissingData, BrokenData
        If a file is not there, or holds something else.
    """
    train, test = (read_table(folder, f"{side}.parquet", numbers=("user_id", "item_id")) for side in ("train", "test"))
    return train.to_numpy().astype(np.int64), test.to_numpy().astype(np.int64)


def _numbered(n: int) -> IdMap:
    return IdMap(tuple(f"{number:08d}" for number in range(n)))


def _shuffled(holdout: Holdout, seed: int) -> npt.NDArray[np.int32]:
    """Return the measured users by chance."""
    return np.random.default_rng(seed).permutation(holdout.user)


def _of(pairs: Indices, user: npt.NDArray[np.int32]) -> Indices:
    return pairs[np.isin(pairs[:, 0], user)]


def _row(name: str, value: float, bounds: Mapping[str, tuple[float, float]]) -> Row:
    return Row(name, value, *bounds.get(name, (None, None)))


def _told(settings: TrainingSettings) -> dict[str, Any]:
    """Return the sections that shape these models, by dotted key."""
    sections = settings.model_dump(mode="json", include={"confidence", "als", "neighbours", "similar", "peers"})
    skipped = ("spark", "max_basket", "event_weights", "seed")
    return {
        f"{section}.{key}": value
        for section, options in sections.items()
        for key, value in options.items()
        if not key.startswith(skipped)
    }


def _rounded(figures: Mapping[str, float]) -> Figures:
    return {name: round(value, 4) for name, value in figures.items() if value}


def _notes(effort: Effort, n_users: int) -> tuple[str, ...]:
    chosen = (
        f"Chosen on a hidden fifth of each user's train pairs: weights by {effort.learned:,} users, settings by the "
        f"figures of {effort.validated:,} others (`validation`)."
    )
    return f"All items a user lacks are ranked, for {n_users:,} users; habits are off (purpose “new”).", chosen
