"""Only one at a time makes, exports or changes the sends of a data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from serving.campaigns.alone import alone


def test_the_second_one_waits(tmp_path: Path) -> None:
    """Whoever comes while the lock is held is told once, and refused when it takes too long; afterwards it is free."""
    told: list[str] = []
    with (
        alone(tmp_path),
        pytest.raises(InvalidInput, match="another export or `regulars forget` is at work"),
        alone(tmp_path, wait_seconds=0.3, on_wait=lambda: told.append("wait")),
    ):
        pytest.fail("two hold one lock")
    assert told == ["wait"]
    with alone(tmp_path, wait_seconds=0.0):
        pass
