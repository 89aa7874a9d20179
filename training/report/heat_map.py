"""A table drawn as shades: the darker, the more. Every cell says its figure too, since shades alone are not read."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training.report.plots import WIDTH
from training.report.svg import Ink

ROW = 0.3
"""Inches."""
DARKEST = 0.55
"""Opacity of a full cell: text on it stays readable in light and in dark mode."""


def draw_heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    shares: Sequence[Sequence[float | None]],
    *,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Draw shares from 0 to 1, one row of cells per row; None leaves a cell empty, as does a row that is too short."""
    figure = Figure(figsize=(WIDTH, 0.9 + ROW * len(rows)), layout="constrained")
    axis = figure.subplots()
    for y, row in enumerate(shares):
        for x, share in enumerate(row):
            if share is None:
                continue
            shade = Ink.SERIES_1
            axis.add_patch(Rectangle((x, y), 0.96, 0.92, facecolor=shade, alpha=DARKEST * share, linewidth=0))
            axis.text(x + 0.48, y + 0.48, f"{share:.0%}", ha="center", va="center", fontsize=8.5, color=Ink.TEXT)
    axis.set_xlim(0, len(columns))
    axis.set_ylim(len(rows), 0)
    axis.set_xticks([x + 0.48 for x in range(len(columns))], columns)
    axis.set_yticks([y + 0.48 for y in range(len(rows))], rows)
    axis.xaxis.tick_top()
    axis.xaxis.set_label_position("top")
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.spines["bottom"].set_visible(False)
    return figure
