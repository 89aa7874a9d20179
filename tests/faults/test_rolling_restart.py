"""Replacing a server costs no request."""

from pathlib import Path

from benchmarks.faults import rolling_restart
from benchmarks.faults.shop import SMALL


def test_a_rolling_restart_fails_no_request(tmp_path: Path) -> None:
    """The second server takes over on the same port before the first one goes, in order."""
    effort = rolling_restart.Effort(restarts=2, rate=50, connections=16, size=SMALL)
    found = rolling_restart.run(tmp_path, effort)
    assert len(found.observed.records) > 100
    assert found.observed.failed == 0
    assert set(found.exits) == {0}
