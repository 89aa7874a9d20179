"""Claim: the engine foretells the next basket better than every published figure on Ta-Feng.

For each of five folds the engine is fitted twice. First on all earlier baskets and the last baskets of most train
users; the last baskets of the other train users teach the blend's weights. Then on the last baskets of all train
users, and with these weights it ranks for the test users. Nobody's basket is learned from that is measured.

Figures are means over the folds: recall = hits / |basket|, nDCG's ideal list runs over the whole basket, PHR is the
share of users with a hit. Rankers measured beside it come from the same lines.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.quality.baskets import NOW, Baskets, Fold, Indices
from benchmarks.quality.scoreboard import Result, Row
from recommender.catalogue import Catalogue, Item
from recommender.engine import Engine
from recommender.holdout import Holdout
from recommender.item_lists import ItemLists
from recommender.learning import learn_blend
from recommender.metrics import Relevance, hit_rate, ndcg, recall
from recommender.model import Model
from recommender.purpose import Purpose
from recommender.splits import Split
from training.backends import make_backend
from training.fitting import fit
from training.progress import Progress
from training.settings import AlsSettings, TrainingSettings

SPACING_DAYS = 10.0
"""Between two baskets of one user."""
LEARNED_FROM = 3000
"""Train users whose last baskets teach the weights; those of the others are known when these are ranked."""
FACTORS = 32
CUTOFFS = (10, 20)
QUICK_FOLDS = 1
QUICK_LEARNED_FROM = 300

BOUNDS: Mapping[str, tuple[float, float]] = {"R@10": (0.150, 0.165), "nDCG@10": (0.130, 0.142), "R@20": (0.193, 0.210)}
"""Floor and goal, written down before measuring."""

Figures = dict[str, float]


def measure(folder: Path, *, seed: int, quick: bool, progress: Progress) -> Result:
    """Rank for the test users of every fold and return the means; the short form takes one fold and few users."""
    baskets = Baskets.read(folder, seed=seed)
    seconds: dict[str, float] = {}
    folds = baskets.folds[:QUICK_FOLDS] if quick else baskets.folds
    found = []
    for number, fold in enumerate(folds):
        run = _Fold(baskets, fold, f"fold {number + 1}", seed, progress, seconds)
        found.append(run.measure(learned_from=QUICK_LEARNED_FROM if quick else LEARNED_FROM))
    names = [f"{metric}@{k}" for k in CUTOFFS for metric in ("R", "nDCG", "PHR")]
    rows = [
        Row(
            name if ranker is None else f"{ranker}: {name}",
            float(np.mean([figures[ranker][name] for figures in found])),
            *(BOUNDS.get(name, (None, None)) if ranker is None else (None, None)),
        )
        for ranker in found[0]
        for name in names
    ]
    return Result("tafeng", tuple(rows), _settings(len(folds)), seconds, _notes(found), seed)


def check(folder: Path) -> None:
    """Read the files, and do nothing with them."""
    Baskets.read(folder, seed=0)


@dataclasses.dataclass(frozen=True, slots=True)
class _Fold:
    """One division of the users."""

    baskets: Baskets
    fold: Fold
    name: str
    seed: int
    progress: Progress
    seconds: dict[str, float]

    def measure(self, *, learned_from: int) -> dict[str | None, Figures]:
        """Return the figures of every ranker on the test users; None is the engine."""
        train, test = self.fold["train"], self.fold["test"]
        asked = np.sort(np.random.default_rng(self.seed).permutation(train)[:learned_from])
        with self._timed("fit"):
            past = self._fit(np.setdiff1d(train, asked))
        with self._timed("learn"), self.progress.step(f"{self.name}: learn the blend", total=len(asked)) as step:
            blend = learn_blend(past, self._holdout(past, asked), seed=self.seed, advance=step.advance)
        with self._timed("fit"):
            model = dataclasses.replace(self._fit(train), blend=blend)
        with self._timed("rank"):
            rankings: dict[str | None, ItemLists] = {None: self._rank(model, test)}
            rankings.update(peers(self.baskets, train, test))
        truth = self.baskets.asked(test)
        return {ranker: figures_of(ranking, truth) for ranker, ranking in rankings.items()}

    def _fit(self, disclosed: Indices) -> Model:
        log = self.baskets.log(disclosed, spacing_days=SPACING_DAYS)
        settings = training_settings(self.seed)
        catalogue = Catalogue.from_items([Item(item_id=name) for name in log.items.ids])
        backend = make_backend(settings.als)
        return fit(log, catalogue, settings, backend, now=NOW, progress=self.progress, stage=self.name)

    def _holdout(self, model: Model, asked: Indices) -> Holdout:
        train = np.setdiff1d(self.fold["train"], asked)
        log = self.baskets.log(train, spacing_days=SPACING_DAYS)
        return Holdout.from_split(Split(log, self.baskets.answers(asked), model.as_of))

    def _rank(self, model: Model, users: Indices) -> ItemLists:
        engine = Engine(model, version=self.name)
        rows = []
        with self.progress.step(f"{self.name}: rank", total=len(users)) as step:
            for user in users.tolist():
                history = model.histories.of(user)
                found = engine.candidates(history, purpose=Purpose.ALL, now=model.as_of, k=max(CUTOFFS))
                rows.append(found.item)
                step.advance()
        return ItemLists.from_rows(rows)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start


def training_settings(seed: int) -> TrainingSettings:
    """Return the engine's settings, those chosen here and the defaults."""
    return TrainingSettings(als=AlsSettings(factors=FACTORS, seed=seed))


def peers(baskets: Baskets, train: Indices, users: Indices) -> dict[str, ItemLists]:
    """Return the rankings of simple rules, each 20 long, for `users` (ascending)."""
    k = max(CUTOFFS)
    counts, own = baskets.counts(users), baskets.earlier(users)
    earlier = _share(baskets.sales(baskets.back > 0))
    latest = _share(baskets.sales((baskets.back == 0) & np.isin(baskets.user, train)))
    popular = ItemLists.from_rows([_best(earlier, 2 * k)] * len(users))
    return {
        "popularity": popular.top(k),
        "personal top": own.top(k),
        "personal top, then popularity": _then(own, popular).top(k),
        "own count × .1 + popularity share × .3": _best_of_each(counts * 0.1 + earlier * 0.3, k),
        "own count × .1 + popularity share of last baskets × .3": _best_of_each(counts * 0.1 + latest * 0.3, k),
    }


def figures_of(rankings: ItemLists, truth: ItemLists) -> Figures:
    """Return recall, nDCG and PHR at each cut-off, means over users.

    nDCG's ideal list runs over the whole basket here, where the engine's own metric cuts it at k.
    """
    figures: Figures = {}
    ideal = np.cumsum(1 / np.log2(np.arange(2, truth.lengths.max() + 2)))
    for k in CUTOFFS:
        relevance = Relevance.of(rankings, truth, k=k)
        stretch = ideal[np.minimum(truth.lengths, k) - 1] / ideal[truth.lengths - 1]
        figures[f"R@{k}"] = float(recall(relevance, classic=True).mean())
        figures[f"nDCG@{k}"] = float((ndcg(relevance) * stretch).mean())
        figures[f"PHR@{k}"] = float(hit_rate(relevance).mean())
    return figures


def _share(sales: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    share: npt.NDArray[np.float32] = (sales / sales.max()).astype(np.float32)
    return share


def _best(scores: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    order: npt.NDArray[np.int64] = np.argsort(-scores, kind="stable")
    return order[:k]


def _best_of_each(scores: npt.NDArray[np.float32], k: int) -> ItemLists:
    return ItemLists.from_rows([_best(row, k) for row in scores])


def _then(first: ItemLists, second: ItemLists) -> ItemLists:
    """Return each list of `first`, followed by what `second` adds."""
    rest = second.without(first)
    rows = np.concatenate([first.rows(), rest.rows()])
    return ItemLists.from_pairs(rows, np.concatenate([first.item, rest.item]), n_rows=len(first))


def _settings(n_folds: int) -> dict[str, float | int | str]:
    return {"folds": n_folds, "spacing_days": SPACING_DAYS, "learned_from": LEARNED_FROM, "als.factors": FACTORS}


def _notes(found: list[dict[str | None, Figures]]) -> tuple[str, ...]:
    spread = ", ".join(f"{name} {np.std([figures[None][name] for figures in found]):.4f}" for name in BOUNDS)
    return (f"Standard deviation over the folds: {spread}.",)
