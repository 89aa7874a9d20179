"""Claim: `regulars --help` answers before anybody notices the wait.

The command line imports polars, FastAPI and the rest inside its commands, so that asking for help costs little more
than Python itself. The peer is ``python -c pass``, run in turn with it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.results import Row, at_most, figure

ROUNDS = 15
QUICK_ROUNDS = 3

HELP = (sys.executable, "-m", "regulars", "--help")
PYTHON = (sys.executable, "-c", "pass")


def measure(*, quick: bool) -> list[Row]:
    """Run both commands in turn, after one run of each that fills the caches."""
    seconds: dict[tuple[str, ...], list[float]] = {HELP: [], PYTHON: []}
    for command in seconds:
        _seconds(command)
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        for command, taken in seconds.items():
            taken.append(_seconds(command))
    shown, bare = seconds[HELP], seconds[PYTHON]
    return [
        figure("`regulars --help`, best", 1000 * min(shown), "ms", goal=at_most(300)),
        figure("`regulars --help`, median", 1000 * statistics.median(shown), "ms"),
        figure("`python -c pass`, median", 1000 * statistics.median(bare), "ms"),
        figure(
            "help / bare Python, medians",
            statistics.median(shown) / statistics.median(bare),
            "×",
            peer="`python -c pass`",
        ),
    ]


def _seconds(command: tuple[str, ...]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
