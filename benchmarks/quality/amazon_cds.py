"""Amazon-CDs: 43,169 people, 35,648 records, the split of the BARS leaderboard."""

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
    data="amazon_cds",
    bounds={"Recall@20": (0.1622, 0.1763), "nDCG@20": (0.1043, 0.1145)},
    settings=TrainingSettings(
        confidence=ConfidenceSettings(alpha=10.0),
        als=AlsSettings(factors=128, regularization=30.0, iterations=10),
        neighbours=NeighbourSettings(k=300, shrinkage=0.0),
        similar=SimilarSettings(anchor_power=0.4, neighbour_power=0.3, user_power=0.4),
        peers=PeerSettings(k=300, rarity_power=0.5, user_power=0.5, popularity_power=0.1),
    ),
)


def measure(folder: Path, *, seed: int, quick: bool, progress: Progress) -> Result:
    """Measure the engine on the given split."""
    return given_split.measure(TASK, folder, seed=seed, quick=quick, progress=progress)


def check(folder: Path) -> None:
    """Read the files, and do nothing with them."""
    given_split.read(folder)
