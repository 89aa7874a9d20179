"""Claim: what must be computed for a guest is computed in a few milliseconds, however large the catalogue.

Two questions, for guests who looked at three items drawn by how well they sell, in one thread:

* factors alone: folding in and the exact twenty best, beside multiplying all vectors and partitioning the products, and
  beside implicit's ``recommend(recalculate_user=True)``, in turn within one run;
* a whole slate of `Engine.recommend`, with every signal, rule and reason.

Times are processor time of the one thread that answers: what the answer costs, not what else the machine does. The
factors are those of the demo, and of made-up logs (`benchmarks.made_up_log`) of several sizes, trained with our own
solver; the large model around them is `benchmarks.made_up_shop`.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from benchmarks.demo_shop import DemoShop
from benchmarks.made_up_log import made_up_log
from benchmarks.made_up_shop import made_up_model, trained_factors
from benchmarks.results import Row, Skipped, at_most, figure
from recommender.artifact import load_artifact
from recommender.engine import Engine
from recommender.events import Event
from recommender.factors import Factors
from recommender.histories import FreshEvent
from recommender.inner_product_index import InnerProductIndex
from recommender.model import Model
from recommender.request import SlateRequest

PURCHASES_PER_ITEM = 12
USERS_PER_ITEM = 0.6
TASTES = 200
K, SEEN_ITEMS = 20, 3
GUESTS, QUICK_GUESTS = 1000, 100
PEER_SHARE = 10
"""The peers answer one guest of so many: they take that much longer."""
PLAIN = "all products, then argpartition"
IMPLICIT = "implicit, recommend(recalculate_user=True)"
CREATED = datetime(2024, 1, 1, tzinfo=UTC)
CONFIDENCE = 2.0
"""Of an item that was looked at."""

Indices = npt.NDArray[np.int64]
Answer = Callable[[Indices], object]


@dataclass(frozen=True, slots=True)
class Size:
    """Of a made-up shop."""

    items: int
    factors: int
    slates: bool = False
    """Whether whole slates are asked for."""

    def __str__(self) -> str:
        return f"{self.items // 1000}k × {self.factors}"


SIZES = (Size(50_000, 64), Size(500_000, 64, slates=True), Size(500_000, 128))
QUICK_SIZES = (Size(20_000, 32, slates=True),)


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of processor time of one way to answer."""

    milliseconds: npt.NDArray[np.float64]

    def at(self, percent: float) -> float:
        """Return a percentile."""
        return float(np.percentile(self.milliseconds, percent))


def measure(*, quick: bool) -> list[Row]:
    """Measure factors alone and whole slates, on the demo and on made-up shops."""
    if importlib.util.find_spec("implicit") is None:
        raise Skipped("implicit is not installed: make setup")
    shop = DemoShop.open(quick=quick)
    demo = load_artifact(shop.artifact(shop.train()["version"])).model
    guests = QUICK_GUESTS if quick else GUESTS
    rows = []
    with threadpool_limits(1):
        rows += measure_factors("demo", demo.factors, demo.popularity.total, guests)
        rows += measure_slates("demo", demo, guests)
        for size in QUICK_SIZES if quick else SIZES:
            rows += measure_made_up(size, guests)
    return rows


def measure_made_up(size: Size, guests: int) -> list[Row]:
    """Make a shop up and measure it."""
    users, purchases = int(USERS_PER_ITEM * size.items), PURCHASES_PER_ITEM * size.items
    log = made_up_log(users, size.items, purchases, tastes=TASTES)
    factors = trained_factors(log, size.factors)
    rows = measure_factors(str(size), factors, log.matrix.confidence.getnnz(axis=0), guests)
    return [*rows, *(measure_slates(str(size), made_up_model(log, factors), guests) if size.slates else [])]


def measure_factors(name: str, factors: Factors, buyers: npt.NDArray[np.number], guests: int) -> list[Row]:
    """Fold guests in and find their best items, in three ways."""
    index, seen = InnerProductIndex(factors.item), _seen(buyers, guests)
    few = seen[::PEER_SHARE]

    def ours(item: Indices) -> object:
        return index.best(_folded(factors, item), K, exclude=item)

    (folded,), (all_ours,) = (_timed([answer], seen) for answer in (lambda item: _folded(factors, item), ours))
    mine, plain, implicit = _timed([ours, lambda item: _plain(factors, item), _implicit(factors)], few)
    scanned = [index.search(_folded(factors, item), K, exclude=item).scanned / len(factors.item) for item in few]
    return [
        figure(f"{name}: fold-in, p50", 1e3 * folded.at(50), "µs"),
        figure(f"{name}: fold-in, p99", 1e3 * folded.at(99), "µs"),
        figure(f"{name}: fold-in and exact top {K}, p50", all_ours.at(50), "ms"),
        figure(f"{name}: fold-in and exact top {K}, p99", all_ours.at(99), "ms", goal=at_most(5)),
        figure(f"{name}: vectors multiplied, mean", float(np.mean(scanned)), "of all"),
        figure(f"{name}: p50, {PLAIN}", plain.at(50), "ms"),
        figure(f"{name}: p50, that / ours", plain.at(50) / mine.at(50), "×", peer=PLAIN),
        figure(f"{name}: p50, implicit / ours", implicit.at(50) / mine.at(50), "×", peer=IMPLICIT),
    ]


def measure_slates(name: str, model: Model, guests: int) -> list[Row]:
    """Ask an engine for whole slates."""
    started = time.perf_counter()
    engine = Engine(model, version="20240101-0123456789ab")
    ready = time.perf_counter() - started
    (times,) = _timed([lambda item: _slate(engine, item)], _seen(model.popularity.total, guests))
    return [
        figure(f"{name}: slate of {K} for a guest, p50", times.at(50), "ms"),
        figure(f"{name}: slate of {K} for a guest, p99", times.at(99), "ms", goal=at_most(5)),
        figure(f"{name}: engine ready, model in memory", ready, "s"),
    ]


def _seen(buyers: npt.NDArray[np.number], guests: int) -> list[Indices]:
    """Draw what each guest looked at: what sells more is looked at more often."""
    rng, share = np.random.default_rng(7), buyers / buyers.sum(dtype=np.float64)
    sold = np.flatnonzero(buyers)
    return [np.sort(rng.choice(sold, SEEN_ITEMS, replace=False, p=share[sold])) for _ in range(guests)]


def _timed(answers: Sequence[Answer], asked: list[Indices]) -> list[Times]:
    """Answer everybody in all ways, in turn, after the first ten once to warm up."""
    for item in asked[:10]:
        for answer in answers:
            answer(item)
    milliseconds = np.array([[1e3 * _seconds(answer, item) for answer in answers] for item in asked])
    return [Times(column) for column in milliseconds.T]


def _seconds(answer: Answer, item: Indices) -> float:
    started = time.thread_time()
    answer(item)
    return time.thread_time() - started


def _folded(factors: Factors, item: Indices) -> npt.NDArray[np.float32]:
    return factors.fold_in(item, np.full(len(item), CONFIDENCE, dtype=np.float32))


def _plain(factors: Factors, item: Indices) -> Indices:
    """Return the best items as one would first write it."""
    scores = factors.scores(_folded(factors, item))
    scores[item] = -np.inf
    best = np.argpartition(-scores, K)[:K]
    return best[np.argsort(-scores[best])]


def _implicit(factors: Factors) -> Answer:
    """Return implicit's way, with the same vectors."""
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=factors.size, regularization=factors.regularization, alpha=1.0, num_threads=1
    )
    # It does not read from what it may not write to.
    model.item_factors, model.user_factors = factors.item.copy(), np.zeros((1, factors.size), np.float32)

    def answer(item: Indices) -> object:
        row = csr_matrix(
            (np.full(len(item), CONFIDENCE, np.float32), (np.zeros(len(item), np.int32), item)),
            shape=(1, len(factors.item)),
        )
        return model.recommend(0, row, N=K, recalculate_user=True)

    return answer


def _slate(engine: Engine, item: Indices) -> object:
    """Ask for the home shelf of a guest who looked at these items just now."""
    now = engine.model.as_of
    looked = [FreshEvent(number, Event.CLICK, 1.0, now) for number in item.tolist()]
    history = engine.with_events(None, looked)
    request = SlateRequest(history=history, limit=K)
    return engine.recommend(request, now=now, slate_id="slate", created_at=CREATED)
