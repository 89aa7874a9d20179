"""A store that hangs, is slow or talks nonsense costs no answer."""

from pathlib import Path

from benchmarks.faults import redis_troubled
from benchmarks.faults.shop import SMALL


def test_troubles_with_redis_cost_no_answer(tmp_path: Path) -> None:
    """Every kind of trouble under load: all requests are answered with 200, and full answers return."""
    effort = redis_troubled.Effort(seconds=0.6, rate=50, mixup_requests=0, size=SMALL)
    found = redis_troubled.run(tmp_path, effort)
    assert (found.observed.server_errors, found.observed.unfinished, found.observed.failed) == (0, 0, 0)
    assert found.observed.answers == 450
    assert found.by_trouble["hangs"].degraded.any()
