"""The store dies under load: nobody is left without an answer, and it is said when an answer is less than usual."""

from pathlib import Path

from benchmarks.faults import redis_absent, redis_killed
from benchmarks.faults.shop import SMALL


def test_killing_redis_costs_no_answer(tmp_path: Path) -> None:
    """Two kills under load: every request is answered with 200, some are labelled, and it ends by itself."""
    effort = redis_killed.Effort(kills=2, rate=60, up_seconds=3, away_seconds=1.5, size=SMALL)
    found = redis_killed.run(tmp_path, effort)
    assert (found.observed.server_errors, found.observed.unfinished, found.observed.failed) == (0, 0, 0)
    assert found.observed.answers == 720
    assert 0 < found.observed.degraded_share < 0.9
    assert max(found.fresh_again_seconds) < 2.9


def test_a_server_starts_without_redis(tmp_path: Path) -> None:
    """It becomes ready, answers everybody with labelled slates, and uses Redis once there is one."""
    found = redis_absent.run(tmp_path, SMALL)
    assert set(found.statuses) == {200}
    assert found.labelled == len(found.statuses)
    assert found.ready_seconds < 60
    assert found.picked_up_seconds is not None
