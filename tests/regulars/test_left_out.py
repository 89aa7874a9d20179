"""What `regulars train` says about rows it did not learn from."""

from __future__ import annotations

import dataclasses

from regulars.commands.train import MOST_REASONS, rows_left_out
from training.cleaning import CleaningReport

REPORT = CleaningReport(
    files=("log.csv",),
    rows_read=100,
    rows_kept=90,
    guest_rows=0,
    users=9,
    items=9,
    orders=30,
    first="2017-01-01T00:00:00",
    last="2017-12-31T00:00:00",
    quarantined={"the quantity is zero": 6, "a": 1, "b": 1, "c": 1},
    set_aside={"lines identical to another": 1},
)


def test_reasons_are_named() -> None:
    """The most frequent reasons stand below the count of rows."""
    lines = rows_left_out(REPORT)
    assert lines[:2] == ["90 of 100 rows were learned from.", "  6 in quarantine: the quantity is zero"]
    assert len(lines) == 1 + MOST_REASONS + 1


def test_a_log_that_was_misread_is_said_aloud() -> None:
    """When most rows went to quarantine the configuration is probably wrong, and the last line says where to look."""
    misread = dataclasses.replace(REPORT, rows_kept=3, quarantined={"the amount is no number": 97}, set_aside={})
    assert "quarantine file" in rows_left_out(misread)[-1]
