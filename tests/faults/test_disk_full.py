"""A full disk is said to be full, and costs nothing but what it cannot hold."""

from pathlib import Path

import pytest

from benchmarks.faults import disk_full
from benchmarks.results import Skipped


def test_a_full_disk_corrupts_nothing(tmp_path: Path) -> None:
    """Training, publishing and events: a clear error, answers for shoppers, and all is well with room again."""
    try:
        found = disk_full.run(tmp_path)
    except Skipped as reason:
        pytest.skip(str(reason))
    assert [row.row for row in found.rows() if not row.holds] == []
    assert (found.training_exit, found.publishing_exit) == (1, 1)
