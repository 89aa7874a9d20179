"""How long each step took and how much memory the process held at its peak.

`MeasuredProgress` wraps another `Progress`: the steps of the work are the steps that are measured, so nothing
is timed twice and nothing is forgotten. Durations never enter an artifact (same data, same bytes); the
registry's journal keeps them.

The peak is the resident set of the whole process during the step. It is sampled every 20 ms from ``/proc``;
where there is none, the kernel's high-water mark stands in, which can only rise from step to step.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from training.progress import Progress, Step

SAMPLE_SECONDS = 0.02
_STATM = Path("/proc/self/statm")
_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one step cost."""

    name: str
    seconds: float
    peak_mb: float
    """Largest resident memory of the process during the step, MiB."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)


class PeakMemory:
    """Watch the resident memory of this process while the block runs."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> Self:
        self._high_water = _high_water_mb()
        self._sample()
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._watcher.join()
        self._sample()
        if (high_water := _high_water_mb()) > self._high_water:
            self.peak_mb = max(self.peak_mb, high_water)

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self._sample()

    def _sample(self) -> None:
        self.peak_mb = max(self.peak_mb, resident_mb())


def resident_mb() -> float:
    """Return the memory this process holds now, in MiB; its highest so far where the system does not say."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except OSError:
        return _high_water_mb()
    return pages * resource.getpagesize() / _MEBIBYTE


def _high_water_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MEBIBYTE


@dataclass(slots=True)
class MeasuredProgress:
    """Pass everything on to `progress`, and keep a record of every step."""

    progress: Progress
    records: list[StepRecord] = field(default_factory=list)

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
        """Enter a step of the wrapped progress and measure it."""
        return self._measured(name, total)

    def message(self, text: str) -> None:
        """Pass `text` on."""
        self.progress.message(text)

    @contextmanager
    def _measured(self, name: str, total: int | None) -> Iterator[Step]:
        start = time.perf_counter()
        with PeakMemory() as memory, self.progress.step(name, total=total) as step:
            yield step
        seconds = time.perf_counter() - start
        self.records.append(StepRecord(name, round(seconds, 3), round(memory.peak_mb, 1)))
