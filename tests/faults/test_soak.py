"""Everyday life, in short: publishing beside slates and events breaks nothing."""

from pathlib import Path

from benchmarks.faults import soak
from benchmarks.faults.shop import SMALL


def test_a_short_soak_breaks_nothing(tmp_path: Path) -> None:
    """Three publishings under load: no 5xx, nothing unfinished, no event lost on the way."""
    effort = soak.Effort(publishings=3, every_seconds=4, rate=40, events_rate=100, size=SMALL)
    found = soak.run(tmp_path, effort)
    assert (found.observed.server_errors, found.observed.unfinished, found.observed.failed) == (0, 0, 0)
    assert not found.reported.abandoned
    assert found.slope < 200
