"""More requests than a server can answer make it neither fall over nor talk nonsense."""

from pathlib import Path

from benchmarks.faults import overload
from benchmarks.faults.shop import SMALL


def test_overload_is_survived(tmp_path: Path) -> None:
    """Slates, or refusals that say when to come again; a bounded memory; and it is ready afterwards."""
    effort = overload.Effort(seconds=2, calm_seconds=0.5, connections=50, size=SMALL)
    found = overload.run(tmp_path, effort)
    assert found.wrong == 0
    assert found.statuses[200] > 0
    assert found.memory_peak_mb - found.memory_before_mb < 100
    assert found.recovered_status == 200
