"""The section about customers says what the figures say, and why something is missing."""

import dataclasses

import pytest

from tests import planted
from tests.training.report.report_examples import HOSTILE, loyalty_of
from training.loyalty.calibration import OWN_RATE
from training.loyalty.figures import FORECAST, LoyaltyFigures
from training.report.loyalty import customers_of


@pytest.fixture(name="figures", scope="module")
def _figures() -> LoyaltyFigures:
    """The customer base of the planted shop."""
    return loyalty_of(planted.shop().log)


def test_every_figure_is_drawn_with_its_table(figures: LoyaltyFigures) -> None:
    """Calibration, revenue, moves, sizes and cohorts, each with a table that holds what is drawn."""
    section = customers_of(figures)
    assert [picture.name for picture in section.figures] == [
        "calibration",
        "lorenz",
        "moves",
        "segment-sizes",
        "cohorts",
    ]
    assert figures.calibration is not None
    ours = figures.calibration.orders[0]
    rows = [row for row in section.figures[0].table.rows if row[1] == "orders" and row[2] == FORECAST]
    assert [row[4] for row in rows] == [f"{tenth.expected:,.2f}" for tenth in ours.tenths]
    assert {row[2] for row in section.figures[0].table.rows} == {FORECAST, OWN_RATE}


def test_forecasts_stand_beside_simpler_ones(figures: LoyaltyFigures) -> None:
    """The first table has every forecast of orders and of money."""
    table = customers_of(figures).tables[0]
    assert [row[0] for row in table.rows] == ["orders"] * 4 + ["money"] * 4


def test_what_could_not_be_said_says_why(figures: LoyaltyFigures) -> None:
    """Without a calibration there is a sentence instead of a drawing, and so for a model."""
    bare = dataclasses.replace(
        figures,
        calibration=None,
        why_uncalibrated="the log has 12 days of orders; 90 are needed to hold a month out",
        concentration=None,
        movement=None,
        cohorts=None,
    )
    section = customers_of(bare)
    assert section.figures == ()
    assert any("12 days" in note for note in section.notes)
    assert any(HOSTILE[1:] in note for note in section.notes)
