"""Claim: a year of a grocery's purchases is trained, measured and registered in minutes on a small machine.

Trains Complete Journey (1.5 million order lines) from nothing with ``regulars train``, and takes time and peak memory
of each step from the records that training keeps of itself. The peak is the resident memory of the whole process
while the step runs.
"""

from __future__ import annotations

from typing import Any

from benchmarks.demo_shop import DemoShop
from benchmarks.results import Row, at_most, figure

MAX_MINUTES = 10.0
MAX_MEMORY_MB = 4096.0


def measure(*, quick: bool) -> list[Row]:
    """Train from nothing and return the cost of each step; the short form trains a smaller model."""
    shop = DemoShop.open(quick=quick)
    shop.forget()
    steps = recorded_steps(shop.train())
    rows = [row for step in steps for row in _rows(step)]
    seconds, peak_mb = sum(step["seconds"] for step in steps), max(step["peak_mb"] for step in steps)
    return [
        *rows,
        figure("all steps: time", seconds / 60, "min", goal=at_most(MAX_MINUTES)),
        figure("all steps: peak memory", peak_mb, "MiB", goal=at_most(MAX_MEMORY_MB)),
    ]


def recorded_steps(described: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps that the journal keeps of a version's training."""
    trained = next(entry for entry in described["journal"] if entry["event"] == "trained")
    steps: list[dict[str, Any]] = trained["details"]["steps"]
    return steps


def _rows(step: dict[str, Any]) -> list[Row]:
    return [
        figure(f"{step['name']}: time", step["seconds"], "s"),
        figure(f"{step['name']}: peak memory", step["peak_mb"], "MiB"),
    ]
