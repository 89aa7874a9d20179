"""Publishers are killed at random moments, by SIGKILL, while another process reads."""

from pathlib import Path

from benchmarks.faults import publisher_killed
from benchmarks.faults.publisher_killed import Effort


def test_readers_never_notice_that_publishers_die(tmp_path: Path) -> None:
    """No answer mixes versions, nobody is missing, and what dead publishers wrote is removed."""
    found = publisher_killed.run(tmp_path, Effort(kills=15, users=20_000, look_every_seconds=0.1))
    assert [row for row in found.rows() if row.holds is False] == []
    assert found.judged.answers > 100
    assert found.half_written > 0
