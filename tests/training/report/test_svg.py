import re
import xml.etree.ElementTree as ET

import pytest
from matplotlib.figure import Figure

from training.report.svg import Ink, drawing_style, to_svg


def drawing(name: str, *, title: str = "") -> str:
    with drawing_style():
        figure = Figure(figsize=(4, 2))
        axes = figure.subplots()
        axes.plot([1, 2], [1, 3], "o-", color=Ink.SERIES_1)
        axes.set_title(title)
        return str(to_svg(figure, name=name, alt=f"{title} drawn"))


@pytest.mark.parametrize("title", ["空 $x$ <b>&amp;", '"quoted" $', "$\\frac{1}{"])
def test_text_stays_text(title: str) -> None:
    """Any script, markup and dollar signs arrive as they were written, and are escaped."""
    root = ET.fromstring(drawing("a", title=title))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert title in texts
    assert root.attrib["aria-label"] == f"{title} drawn"


def test_the_same_figure_gives_the_same_bytes() -> None:
    """Neither the date nor chance is part of a drawing."""
    assert drawing("a") == drawing("a")


def test_two_drawings_share_no_id() -> None:
    """The name of the drawing is in front of each of its ids."""
    first, second = (set(re.findall(r'\sid="([^"]+)"', drawing(name))) for name in ("a", "b"))
    assert first
    assert not first & second


def test_a_drawing_styles_nothing_but_itself() -> None:
    """No style element, no metadata, no comment, no fixed font and no fixed colour."""
    svg = drawing("a", title="t")
    assert not re.search(r"<style|<metadata|<!--|DejaVu|#0102", svg)
    assert "var(--series-1)" in svg
