"""From a matplotlib figure to SVG that belongs into a page.

* Text stays text, in the page's font: it can be selected, read aloud and translated.
* Colours are roles. A figure is drawn in placeholder colours, which become CSS variables here, so one drawing is
  readable in light and in dark mode.
* Same figure, same bytes: no date, no random ids; and ids carry the figure's name, so that figures share a page.
"""

from __future__ import annotations

import enum
import html
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure


class Ink(enum.StrEnum):
    """Colours by what they are for; the value is the placeholder that stands for ``var(--name)``."""

    TEXT = "#010203"
    MUTED = "#010204"
    GRID = "#010205"
    SERIES_1 = "#010206"
    SERIES_2 = "#010207"
    SERIES_3 = "#010208"
    SERIES_4 = "#010209"
    SERIES_5 = "#01020a"
    SERIES_6 = "#01020e"
    GOOD = "#01020b"
    BAD = "#01020c"
    PAPER = "#01020d"

    @property
    def variable(self) -> str:
        """The CSS variable of the style sheet."""
        return f"var(--{self.name.lower().replace('_', '-')})"


SERIES = (Ink.SERIES_1, Ink.SERIES_2, Ink.SERIES_3, Ink.SERIES_4, Ink.SERIES_5, Ink.SERIES_6)
"""Colours of rankers; the first is the model's."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "regulars",
    "text.parse_math": False,  # a dollar sign in a label is a dollar sign
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same layout on every machine
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": Ink.GRID,
    "axes.labelcolor": Ink.MUTED,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.titlecolor": Ink.TEXT,
    "figure.facecolor": "none",
    "grid.color": Ink.GRID,
    "grid.linewidth": 0.7,
    "text.color": Ink.TEXT,
    "xtick.color": Ink.GRID,
    "ytick.color": Ink.GRID,
    "xtick.labelcolor": Ink.MUTED,
    "ytick.labelcolor": Ink.TEXT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
}


@contextmanager
def drawing_style() -> Iterator[None]:
    """Draw and save figures inside this block."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # Labels may be in any script; the measuring font lacks some, the reader's browser does not.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


def to_svg(figure: Figure, *, name: str, alt: str) -> Markup:
    """Return an inline ``<svg role="img">`` whose ids start with `name` and whose text alternative is `alt`."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :].strip()
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", drawn, flags=re.DOTALL)  # would style the page
    return Markup(_labelled(_inked(_with_own_ids(drawn, name)), alt))  # noqa: S704  # matplotlib escapes its texts


def _with_own_ids(svg: str, name: str) -> str:
    """Prefix the ids something refers to, drop the others: a page has each id once."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))

    def renamed(match: re.Match[str]) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in used else ""

    svg = re.sub(r' id="([^"]*)"', renamed, svg)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)


def _inked(svg: str) -> str:
    for ink in Ink:
        svg = svg.replace(ink.value, ink.variable)
    return re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)


def _labelled(svg: str, alt: str) -> str:
    opening, rest = svg.split(">", 1)
    view_box = re.search(r'viewBox="[^"]*"', opening)
    assert view_box is not None, "matplotlib writes a viewBox"
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {namespaces} {view_box[0]} role="img" aria-label="{html.escape(alt)}">{rest}'
