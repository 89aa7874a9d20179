"""The kinds of drawing a report is made of. They know shapes and colours, and nothing about recommendations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from training.report.svg import SERIES, Ink

WIDTH = 8.6
"""Inches; the page scales the drawing to its column."""
ROW = 0.34
"""Inches per bar or dot."""
MARKERS = "osD^vP"
"""Rankers differ by shape too: colour alone is not for everybody."""
FIRST_DAY, LAST_DAY = np.array(["0001-01-01", "9999-12-31"], dtype="datetime64[D]").astype(np.int64).tolist()
"""Days since 1970; matplotlib cannot write a date outside, and raises when a margin reaches there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One row of a dot-and-whisker panel."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    ink: Ink = Ink.SERIES_1
    marker: str = "o"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One ranker over ordered groups."""

    label: str
    x: Sequence[float]
    value: Sequence[float]
    low: Sequence[float | None]
    high: Sequence[float | None]

    @classmethod
    def plain(cls, label: str, x: Sequence[float], value: Sequence[float]) -> Self:
        """Return a line without intervals."""
        nothing = [None] * len(x)
        return cls(label=label, x=x, value=value, low=nothing, high=nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Points in the plane in the order of a setting, each with its name."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    texts: Sequence[str]
    ring: int | None = None
    """Place of the point that is marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A single point to compare a curve with."""

    label: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row of a bar panel."""

    label: str
    value: float
    text: str
    """Written at the end of the bar."""
    ink: Ink = Ink.SERIES_1
    heading: bool = False
    """A row without a bar that names those below it."""


def draw_dots(panels: Sequence[tuple[str, Sequence[Dot]]], *, xlabel: str, zero: bool = False) -> Figure:
    """Draw dots with whiskers, one panel per title, two side by side; `zero` marks "no difference"."""
    longest = max(len(dots) for _, dots in panels)
    figure, axes = _panels(len(panels), height=(0.95 + ROW * longest) * -(-len(panels) // 2), columns=2)
    for axis, (title, dots) in zip(axes, panels, strict=True):
        _rows(axis, [dot.label for dot in dots], title=title)
        if zero:
            axis.axvline(0, color=Ink.MUTED, linewidth=1)
        for place, dot in enumerate(dots):
            if dot.low is not None and dot.high is not None:
                axis.plot([dot.low, dot.high], [place, place], color=dot.ink, linewidth=2.2, solid_capstyle="round")
            axis.plot([dot.value], [place], dot.marker, color=dot.ink, markersize=6.5)
        axis.margins(x=0.12)
        axis.set_xlabel(xlabel)
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.grid(axis="x")
    return figure


def draw_lines(
    panels: Sequence[tuple[str, Sequence[Line]]],
    *,
    xlabel: str,
    columns: int = 2,
    whole: bool = True,
    mark: float | None = None,
) -> Figure:
    """Draw lines with bands for their intervals, panels in rows of `columns`, one legend for all.

    The x axis counts in `whole` numbers unless said otherwise; `mark` is a place on it that is pointed out.
    """
    n_rows = -(-len(panels) // columns)
    figure, axes = _panels(len(panels), height=0.45 + 2.15 * n_rows, columns=columns)
    for axis, (title, lines) in zip(axes, panels, strict=True):
        axis.set_title(title)
        if mark is not None:
            axis.axvline(mark, color=Ink.MUTED, linewidth=1, linestyle=(0, (4, 3)))
        # The first line is the model: drawn last, above the others.
        for at, line in reversed(list(enumerate(lines))):
            _line(axis, line, at=at)
        axis.set_ylim(bottom=0)
        axis.set_xlabel(xlabel)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True) if whole else MaxNLocator(5))
        axis.yaxis.set_major_locator(MaxNLocator(4))
        axis.grid(axis="y")
    # The last panel may show rankers that the first has not; the model is the last line drawn in each.
    named = {
        name: line
        for axis in axes
        for line, name in reversed(list(zip(*axis.get_legend_handles_labels(), strict=True)))
    }
    figure.legend(list(named.values()), list(named), loc="outside upper left", ncols=len(named))
    return figure


def draw_curves(panels: Sequence[tuple[str, Curve, Sequence[Spot]]], *, xlabel: str, ylabel: str) -> Figure:
    """Draw a curve with named points and the spots it is compared with, panels side by side.

    The x axis runs from large to small: further right is better on both axes.
    """
    figure, axes = _panels(len(panels), height=3.6)
    for axis, (title, curve, spots) in zip(axes, panels, strict=True):
        axis.set_title(title)
        axis.plot(curve.x, curve.y, color=Ink.SERIES_1, linewidth=1.8, marker="o", markersize=5)
        for x, y, text in zip(curve.x, curve.y, curve.texts, strict=True):
            _beside(axis, text, x, y, dx=5, dy=5)
        if curve.ring is not None:
            at = curve.ring
            axis.plot([curve.x[at]], [curve.y[at]], "o", markersize=12, fillstyle="none", color=Ink.TEXT)
        middle = (min(curve.x) + max([*curve.x, *(spot.x for spot in spots)])) / 2
        for place, spot in enumerate(spots, start=1):
            ink, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
            axis.plot([spot.x], [spot.y], marker, color=ink, markersize=6.5, linestyle="none")
            # Text grows towards the middle, away from the edges of the panel.
            side = -1 if spot.x < middle else 1
            _beside(axis, spot.label, spot.x, spot.y, dx=7 * side, dy=-3)
        axis.margins(0.12)
        axis.invert_xaxis()
        axis.set_xlabel(xlabel)
        axis.set_ylabel(ylabel)
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.yaxis.set_major_locator(MaxNLocator(5))
        axis.grid()
    return figure


def draw_bars(panels: Sequence[tuple[str, Sequence[Bar]]], *, columns: int | None = None) -> Figure:
    """Draw horizontal bars with their figures at the end; values may be negative."""
    n_columns = columns or len(panels)
    longest = max(len(bars) for _, bars in panels)
    height = 0.3 + 0.3 * any(title for title, _ in panels) + ROW * 0.82 * longest
    figure, axes = _panels(len(panels), height=height * -(-len(panels) // n_columns), columns=columns)
    for axis, (title, bars) in zip(axes, panels, strict=True):
        _rows(axis, [bar.label for bar in bars], title=title)
        for written, bar in zip(axis.get_yticklabels(), bars, strict=True):
            written.set_fontweight("bold" if bar.heading else "normal")
        values = [bar.value for bar in bars]
        axis.barh(range(len(bars)), values, color=[bar.ink for bar in bars], height=0.62)
        low, high = _limits(values)
        axis.set_xlim(low, high)
        axis.axvline(0, color=Ink.MUTED, linewidth=0.8)
        for place, bar in enumerate(bars):
            _end_text(axis, bar, place, offset=0.012 * (high - low))
        axis.set_xticks([])
        axis.spines["bottom"].set_visible(False)
    return figure


def draw_weeks(weeks: Sequence[str], panels: Sequence[tuple[str, Sequence[float | None], bool]]) -> Figure:
    """Draw one value per week, panels above each other; a panel is title, values and whether they are shares."""
    dates = np.array(weeks, dtype="datetime64[D]")
    figure, axes = _panels(len(panels), height=0.3 + 1.55 * len(panels), columns=1)
    for axis, (title, values, is_share) in zip(axes, panels, strict=True):
        heights = np.array([np.nan if value is None else value for value in values])
        axis.set_title(title)
        axis.fill_between(dates, 0, heights, color=Ink.SERIES_1, alpha=0.14, linewidth=0)
        marker = "o" if len(dates) < 3 else None
        axis.plot(dates, heights, color=Ink.SERIES_1, linewidth=1.6, marker=marker)
        axis.set_ylim(bottom=0)
        axis.margins(x=0.01)
        left, right = axis.get_xlim()
        if left < FIRST_DAY or right > LAST_DAY:
            axis.set_xlim(max(left, FIRST_DAY), min(right, LAST_DAY))
        axis.grid(axis="y")
        axis.yaxis.set_major_locator(MaxNLocator(4, integer=not is_share))
        axis.yaxis.set_major_formatter(FuncFormatter(_percent if is_share else _count))
        if len(dates) < 3:
            axis.set_xticks(dates, weeks)
    return figure


def _percent(value: float, _: object) -> str:
    return f"{value:.0%}"


def _count(value: float, _: object) -> str:
    return f"{value:,.0f}"


def _panels(n: int, *, height: float, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    columns = min(n, columns or n)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    grid = figure.subplots(-(-n // columns), columns, squeeze=False)
    axes = list(grid.flat)
    for unused in axes[n:]:
        unused.set_visible(False)
    return figure, axes[:n]


def _rows(axis: Axes, labels: Sequence[str], *, title: str) -> None:
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.set_title(title)


def _line(axis: Axes, line: Line, *, at: int) -> None:
    ink, marker = SERIES[at % len(SERIES)], MARKERS[at % len(MARKERS)]
    lows, highs = _known(line.low), _known(line.high)
    if lows and highs and len(lows) == len(line.x):
        axis.fill_between(line.x, lows, highs, color=ink, alpha=0.13, linewidth=0)
    width = 2.2 if at == 0 else 1.3
    axis.plot(line.x, line.value, color=ink, marker=marker, markersize=4.5, linewidth=width, label=line.label)


def _beside(axis: Axes, text: str, x: float, y: float, *, dx: float, dy: float) -> None:
    """Write `text` a few points from a place of the plane."""
    axis.annotate(
        text,
        (x, y),
        xytext=(dx, dy),
        textcoords="offset points",
        ha="right" if dx < 0 else "left",
        color=Ink.MUTED,
        fontsize=8.5,
    )


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Leave room for the figures at the ends of the bars."""
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.28 * (high - low) or 1.0
    return low - (room if low < 0 else 0), high + (room if high > 0 or low == 0 else 0)


def _end_text(axis: Axes, bar: Bar, place: int, *, offset: float) -> None:
    side = -1 if bar.value < 0 else 1
    align = "right" if bar.value < 0 else "left"
    axis.text(bar.value + side * offset, place, bar.text, va="center", ha=align, color=Ink.MUTED)
