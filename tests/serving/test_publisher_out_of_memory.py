"""Redis is full before a version is written, for real."""

from pathlib import Path

from benchmarks.faults import out_of_memory
from benchmarks.faults.out_of_memory import Effort


def test_a_full_store_goes_on_serving_the_old_version(tmp_path: Path) -> None:
    """The publisher says that memory is the reason and takes back what it wrote; later there is room."""
    found = out_of_memory.run(tmp_path, Effort(users=5000, times=2))
    assert [row for row in found.rows() if row.holds is False] == []
    assert found.judged.versions == 2
