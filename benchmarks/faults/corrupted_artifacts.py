"""Hundreds of damaged artifacts, each to be refused with a reason, and a server that goes on with the one it has.

``python -m benchmarks.faults.corrupted_artifacts SOURCE COUNT SEED`` damages copies of an artifact in every way of
`damage.DAMAGES` in turn and loads them, in a process of its own: a crash would show as a missing line, and its peak
memory is that of loading. Some of them are then published before the eyes of a running server.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.demo_shop import ROOT, environment
from benchmarks.faults import damage
from benchmarks.faults.instance import Instance, instance
from benchmarks.faults.shop import SMALL, Shop, user_path
from benchmarks.faults.store import KillableStore, store
from benchmarks.faults.workplace import workplace
from benchmarks.results import Row, at_least, at_most, figure
from recommender.artifact import load_artifact
from recommender.errors import InvalidArtifact
from serving.stores import keys

FAULT = "500 corrupted artifacts"
SEED = 4
LIVE_SECONDS = 30.0
ASKED = 20
LOAD_SECONDS = 600.0
POINTER = keys.POINTER
REFUSED_METRIC = b"regulars_artifacts_refused_total"


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard it is tried."""

    artifacts: int = 500
    live: int = 17
    """How many of them a running server is pointed to."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it."""

    loads: tuple[dict[str, Any], ...]
    """Of each damaged artifact: what was done, whether it was refused with a named file, seconds, peak memory."""
    live_refused: int
    live_tried: int
    live_good: int
    """Answers of 200 from the old version while a damaged one was published."""
    live_asked: int

    @property
    def accepted(self) -> list[str]:
        """The kinds of damage that went unnoticed."""
        return [load["damage"] for load in self.loads if load["error"] != InvalidArtifact.__name__]

    @property
    def unnamed(self) -> list[str]:
        """The kinds of damage whose refusal does not say where."""
        return [load["message"] for load in self.loads if not load["named"]]

    def rows(self) -> list[Row]:
        """Return the figures."""
        refused = len(self.loads) - len(self.accepted)
        return [
            figure("damaged artifacts", len(self.loads), ""),
            figure("refused", 100 * refused / len(self.loads), "%", goal=at_least(100)),
            figure("refused without naming the place", len(self.unnamed), "", goal=at_most(0)),
            figure("longest refusal", max(load["seconds"] for load in self.loads), "s", goal=at_most(1)),
            figure("memory that refusals took, peak", self.memory_mb, "MiB", goal=at_most(64)),
            figure("published to a running server, refused", self.live_refused, "", goal=at_least(self.live_tried)),
            figure("answers of the old version", 100 * self.live_good / self.live_asked, "%", goal=at_least(100)),
        ]

    @property
    def memory_mb(self) -> float:
        """The most that a single refusal added to what the process held before."""
        return max(float(load["peak_mb"]) - float(load["before_mb"]) for load in self.loads)


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures."""
    with workplace() as folder:
        return run(folder, Effort(artifacts=170, live=6) if quick else Effort()).rows()


def run(folder: Path, effort: Effort) -> Found:
    """Damage and load in another process, then before a server."""
    shop = Shop.build(folder / "shop", SMALL, versions=1 + effort.live)
    loads = tuple(_loads_of(shop.artifacts / shop.versions[0], effort.artifacts))
    with store(folder / "valkey") as killable:
        shop.publish(shop.versions[0], killable.url)
        with instance(shop, killable.url, settings=("serving.poll_seconds=0.1",)) as serving:
            outcomes = [_show(shop, number, serving, killable) for number in range(effort.live)]
    return Found(
        loads,
        live_refused=sum(refused for refused, _ in outcomes),
        live_tried=effort.live,
        live_good=sum(good for _, good in outcomes),
        live_asked=ASKED * effort.live,
    )


def _loads_of(source: Path, count: int) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.faults.corrupted_artifacts", str(source), str(count), str(SEED)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True, timeout=LOAD_SECONDS, check=False
    )
    lines = done.stdout.splitlines()
    if len(lines) != count:
        raise RuntimeError(f"after {len(lines)} of {count} damaged artifacts the process ended with {done.returncode}")
    yield from map(json.loads, lines)


def _show(shop: Shop, number: int, serving: Instance, killable: KillableStore) -> tuple[bool, int]:
    """Damage a version and point the store to it; say whether the server refused it, and count its good answers."""
    directory = shop.artifacts / shop.versions[1 + number]
    kind = list(damage.DAMAGES)[number % len(damage.DAMAGES)]
    damaged = damage.DAMAGES[kind](directory, np.random.default_rng([SEED, number])).directory
    before = _refused_so_far(serving)
    killable.ask(f"HSET {POINTER} current {damaged.name}")
    deadline = time.monotonic() + LIVE_SECONDS
    while _refused_so_far(serving) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    refused = _refused_so_far(serving) == before + 1
    good = sum(_is_good(serving, user, shop.versions[0]) for user in range(ASKED))
    killable.ask(f"HSET {POINTER} current {shop.versions[0]}")
    return refused, good


def _is_good(serving: Instance, user: int, version: str) -> bool:
    status, body = serving.get(user_path(user))
    return status == 200 and orjson.loads(body)["model_version"] == version


def _refused_so_far(serving: Instance) -> int:
    _, page = serving.get("/metrics")
    return sum(int(float(line.split()[-1])) for line in page.splitlines() if line.startswith(REFUSED_METRIC))


def main(source: str, count: str, seed: str) -> None:
    """Damage, load, and print a line of JSON for each."""
    original = Path(source)
    load_artifact(original)
    for number in range(int(count)):
        kind = list(damage.DAMAGES)[number % len(damage.DAMAGES)]
        with workplace() as folder:
            copy = shutil.copytree(original, folder / original.name)
            damaged = damage.DAMAGES[kind](copy, np.random.default_rng([int(seed), number]))
            print(json.dumps({"damage": kind, **_outcome(damaged)}), flush=True)


def _outcome(damaged: damage.Damaged) -> dict[str, Any]:
    error, message, before, start = "", "", _memory_mb("VmRSS"), time.perf_counter()
    _forget_peak()
    try:
        load_artifact(damaged.directory)
    except Exception as caught:  # noqa: BLE001  every other class is a finding
        error, message = type(caught).__name__, str(caught)
    return {
        "error": error,
        "message": message,
        "named": damaged.directory.name in message and (damaged.file or "") in message,
        "seconds": time.perf_counter() - start,
        "before_mb": before,
        "peak_mb": _memory_mb("VmHWM"),
    }


def _memory_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def _forget_peak() -> None:
    """Let the kernel measure the peak from now on (Linux, see proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
