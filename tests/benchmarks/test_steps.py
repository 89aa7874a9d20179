"""The table of steps in docs/training.md."""

from __future__ import annotations

from benchmarks import steps

RECORD = {
    "steps": [{"name": "read", "seconds": 1.25, "peak_mb": 700.0}, {"name": "save", "seconds": 2.0, "peak_mb": 90.4}],
    "cleaning": {"rows_read": 1200},
    "parameters": {"als": {"factors": 8, "iterations": 3}},
}
MACHINE = {"cpu": "a chip", "cores": 2, "memory_mb": 4096, "system": "Linux", "python": "3.13.1"}


def test_steps_add_up() -> None:
    """Seconds are added, of memory the largest counts, and the machine is named."""
    lines = steps.table(RECORD, MACHINE).splitlines()
    assert lines[2:5] == ["| read | 1.2 | 700 |", "| save | 2.0 | 90 |", "| **all steps** | 3.2 | 700 |"]
    assert lines[-1].startswith("1,200 rows, `als.factors` = 8")
    assert "a chip, 2 cores, 4 GiB" in lines[-1]


def test_only_the_block_is_renewed() -> None:
    """What stands around the comments stays."""
    page = "before\n<!-- steps: begin -->\nold\n<!-- steps: end -->\nafter\n"
    once = steps.filled(page, "new")
    assert once == "before\n<!-- steps: begin -->\nnew\n<!-- steps: end -->\nafter\n"
    assert steps.filled(once, "new") == once
