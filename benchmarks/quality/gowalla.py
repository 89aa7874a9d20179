"""Gowalla: 29,858 people, 40,981 places, the split of NGCF and LightGCN."""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality import given_split
from benchmarks.quality.scoreboard import Result
from training.progress import Progress
from training.settings import (
    AlsSettings,
    ConfidenceSettings,
    NeighbourSettings,
    PeerSettings,
    SimilarSettings,
    TrainingSettings,
)

TASK = given_split.Task(
    data="gowalla",
    bounds={"Recall@20": (0.1765, 0.1872), "nDCG@20": (0.1467, 0.1557)},
    settings=TrainingSettings(
        confidence=ConfidenceSettings(alpha=80.0),
        als=AlsSettings(backend="numba", factors=1024, regularization=200.0, frequency_scaling=1.0, iterations=8),
        neighbours=NeighbourSettings(k=300, shrinkage=0.0),
        similar=SimilarSettings(anchor_power=0.7, neighbour_power=0.3, user_power=0.5),
        peers=PeerSettings(k=300, rarity_power=0.5, user_power=0.5, popularity_power=0.3),
    ),
    learned=4000,
    full_answers=1,
)


def measure(folder: Path, *, seed: int, quick: bool, progress: Progress) -> Result:
    """Measure the engine on the given split."""
    return given_split.measure(TASK, folder, seed=seed, quick=quick, progress=progress)


def check(folder: Path) -> None:
    """Read the files, and do nothing with them."""
    given_split.read(folder)
