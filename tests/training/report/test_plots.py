"""Drawings of what a log may hold at its worst."""

import io

from training.report.plots import draw_weeks


def test_weeks_at_the_end_of_time() -> None:
    """A log that reaches the last year a date can have is drawn: its margin must not go beyond."""
    weeks = ["0001-01-01", "2024-01-01", "9999-12-27"]
    figure = draw_weeks(weeks, [("Orders", [1, 2, 3], False)])
    figure.savefig(io.BytesIO(), format="svg")
