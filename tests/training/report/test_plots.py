"""Drawings of what a log may hold at its worst."""

import io

from training.report.plots import Bar, Curve, Spot, draw_bars, draw_curves, draw_weeks


def test_weeks_at_the_end_of_time() -> None:
    """A log that reaches the last year a date can have is drawn: its margin must not go beyond."""
    weeks = ["0001-01-01", "2024-01-01", "9999-12-27"]
    figure = draw_weeks(weeks, [("Orders", [1, 2, 3], False)])
    figure.savefig(io.BytesIO(), format="svg")


def test_curves_name_every_point_and_spot() -> None:
    """Each setting and each baseline is written beside its place; fewer repeats stand further right."""
    curve = Curve(label="dial", x=[2.0, 1.0, 0.0], y=[0.4, 0.4, 0.3], texts=["0", "0.2", "0.9"], ring=1)
    figure = draw_curves(
        [("All items", curve, [Spot(label="own top", x=2.5, y=0.2)])], xlabel="repeated", ylabel="nDCG"
    )
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.texts] == ["0", "0.2", "0.9", "own top"]
    assert axis.xaxis_inverted()


def test_lists_that_are_all_alike_have_a_curve() -> None:
    """A shop of one item has one point, whatever the dial, and no spread to draw."""
    curve = Curve(label="dial", x=[0.0, 0.0], y=[0.0, 0.0], texts=["0", "0.9"])
    figure = draw_curves([("All items", curve, [])], xlabel="repeated", ylabel="nDCG")
    figure.savefig(io.BytesIO(), format="svg")


def test_headings_have_no_bar() -> None:
    """A component is named above its signals, in bold, and takes no place in the scale."""
    bars = [Bar(label="Habit", value=0.0, text="", heading=True), Bar(label="orders", value=0.5, text="+0.50")]
    (axis,) = draw_bars([("All items", bars)]).axes
    assert [(label.get_text(), label.get_fontweight()) for label in axis.get_yticklabels()] == [
        ("Habit", "bold"),
        ("orders", "normal"),
    ]
