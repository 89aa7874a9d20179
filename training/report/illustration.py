"""A drawing with everything a reader needs around it: title, caption, text alternative and table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from training.report.svg import drawing_style, to_svg
from training.report.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Illustration:
    """One figure of the page."""

    name: str
    """Unique on the page; ids are made from it."""
    title: str
    caption: str
    svg: Markup
    table: Table


def illustrate(
    name: str, *, title: str, caption: str, alt: str, figure: Callable[[], Figure], table: Table
) -> Illustration:
    """Draw `figure` in the house style and wrap it."""
    with drawing_style():
        svg = to_svg(figure(), name=name, alt=alt)
    return Illustration(name=name, title=title, caption=caption, svg=svg, table=table)
