"""Charts as inline SVG, drawn here: no script, no style attribute, no file from elsewhere.

* Places are percentages across and pixels down, so a chart is as wide as its column and its letters keep their size.
* Colours are classes of the style sheet, so one drawing is readable in light and in dark mode.
* A chart is a picture with a text alternative; its numbers stand in a table below it, for every reader.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

HEIGHT = 150
"""Pixels of the area that is drawn in."""
FOOT = 22
"""Pixels below it, for the labels of the horizontal axis."""
HEAD = 8
"""Pixels above it, so that the label of the highest line has room."""
LETTER = 7
"""Pixels of a letter of a label, roughly."""
ROW = 44
"""Pixels of one row of dots."""
GAP = 0.2
"""Of a bar's place, what stays empty beside it."""


@dataclass(frozen=True, slots=True)
class Dot:
    """An estimate with its interval."""

    label: str
    value: float
    low: float | None
    high: float | None


def columns(
    values: Sequence[float], labels: Sequence[str], *, alt: str, tick: Callable[[float], str], top: float | None = None
) -> Markup:
    """Draw a bar for each of `values`; `top` is the end of the axis, to draw several charts to one scale."""
    reach = max(top or 0, *values, 0)
    step = nice_step(reach)
    end = step * max(1, math.ceil(reach / step - 1e-9))
    bars = (_bar(at, value / end, len(values)) for at, value in enumerate(values) if value > 0)
    drawn = _svg([*_lines(step, end), *bars, *_feet(labels)], height=HEAD + HEIGHT + FOOT, alt=alt)
    return Markup('<div class="plot">{}{}</div>').format(_axis(step, end, tick), drawn)


def dots(rows: Sequence[Dot], *, alt: str, tick: Callable[[float], str]) -> Markup:
    """Draw one row for each estimate, around a line that says "no difference"."""
    told = [edge for row in rows for edge in (row.value, row.low, row.high) if edge is not None]
    reach = max((abs(edge) for edge in told), default=0) or 1
    step = nice_step(reach, most=2)
    end = step * math.ceil(reach / step - 1e-9)
    height = len(rows) * ROW

    def across(value: float) -> str:
        return f"{50 + 46 * value / end:.3f}%"

    parts = [f'<line class="zero" x1="50%" x2="50%" y1="0" y2="{height}"/>']
    for at, row in enumerate(rows):
        y = at * ROW + 30
        parts.append(f'<text class="label" x="0" y="{y - 14}">{escape(row.label)}</text>')
        if row.low is not None and row.high is not None:
            parts.append(f'<line class="whisker" x1="{across(row.low)}" x2="{across(row.high)}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="dot" cx="{across(row.value)}" cy="{y}" r="5"/>')
    parts += [
        f'<text class="tick middle" x="{across(value)}" y="{height + 16}">{escape(tick(value))}</text>'
        for value in (-end, 0.0, end)
    ]
    return _svg(parts, height=height + FOOT, alt=alt)


def nice_step(reach: float, *, most: int = 4) -> float:
    """Return 1, 2 or 5 times a power of ten, of which at most `most` cover `reach`.

    >>> nice_step(37), nice_step(0.012), nice_step(0)
    (10.0, 0.005, 1.0)
    """
    if not reach > 0 or not math.isfinite(reach):
        return 1.0
    power = 10.0 ** math.floor(math.log10(reach / most))
    return next((power * factor for factor in (1, 2, 5) if power * factor * most >= reach), power * 10)


def _axis(step: float, end: float, tick: Callable[[float], str]) -> Markup:
    """Return the labels of the lines, in a column of their own; the table tells the same to who cannot see them."""
    told = [(number, str(tick(number * step))) for number in range(round(end / step) + 1)]
    width = LETTER * max(len(text) for _, text in told) + 8
    texts = "".join(
        f'<text class="tick end" x="{width - 8}" y="{_down(number * step / end) + 4:.1f}">{escape(text)}</text>'
        for number, text in told
    )
    opening = f'<svg class="axis" width="{width}" height="{HEAD + HEIGHT + FOOT}" aria-hidden="true" focusable="false">'
    return Markup(f"{opening}{texts}</svg>")  # noqa: S704  every text in it was escaped above


def _lines(step: float, end: float) -> Iterator[str]:
    for number in range(round(end / step) + 1):
        y = _down(number * step / end)
        yield f'<line class="{"grid" if number else "zero"}" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'


def _down(share: float) -> float:
    """Return where a share of the axis is, in pixels from above."""
    return HEAD + HEIGHT * (1 - share)


def _bar(at: int, share: float, n: int) -> str:
    left, width, height = 100 * (at + GAP / 2) / n, 100 * (1 - GAP) / n, max(1.0, HEIGHT * share)
    y = HEAD + HEIGHT - height
    return f'<rect class="bar" x="{left:.3f}%" width="{width:.3f}%" y="{y:.1f}" height="{height:.1f}"/>'


def _feet(labels: Sequence[str]) -> Iterator[str]:
    """Yield the first, the middle and the last label: more would not fit on a phone."""
    y, n = HEAD + HEIGHT + 16, len(labels)
    if not n:
        return
    yield f'<text class="tick" x="0" y="{y}">{escape(labels[0])}</text>'
    if n > 2:
        yield f'<text class="tick middle" x="{100 * (n // 2 + 0.5) / n:.3f}%" y="{y}">{escape(labels[n // 2])}</text>'
    if n > 1:
        yield f'<text class="tick end" x="100%" y="{y}">{escape(labels[-1])}</text>'


def _svg(parts: Sequence[str], *, height: int, alt: str) -> Markup:
    drawn = "".join(parts)
    opening = f'<svg class="chart" role="img" width="100%" height="{height}" aria-label="{escape(alt)}">'
    return Markup(f"{opening}{drawn}</svg>")  # noqa: S704  every text in it was escaped above
