"""Accepted events survive whoever dies, and count once."""

from pathlib import Path

from benchmarks.faults import events_kept


def test_kills_lose_and_repeat_no_event(tmp_path: Path) -> None:
    """API, worker and Redis are killed under load: what was answered with 202 is in the event files, once."""
    effort = events_kept.Effort(kills=1, rate=1000, batch=50, workers=2, calm_seconds=1, pause_seconds=0.5)
    found = events_kept.run(tmp_path, effort)
    assert len(found.reported.accepted) > 1000
    assert (found.lost, found.repeated, found.invented, found.waiting) == (0, 0, 0, 0)
