"""The customer base of a training: measured on days it could not know, kept as JSON and as a table."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recommender.errors import EmptyLog
from recommender.interactions import Interactions
from recommender.loyalty.orders import Orders
from recommender.loyalty.rfm import Segment
from tests import models, planted
from tests.planted import Line, at, log_of, user_id
from training.loyalty.calibration import OWN_RATE, calibrate, cut_of
from training.loyalty.figures import FORECAST, LoyaltyFigures
from training.loyalty.measuring import measure_loyalty
from training.loyalty.table import customer_table, save_customers


def town() -> Interactions:
    """A year of 150 customers with rates of their own, a third of whom stop at some day."""
    rng = np.random.default_rng(6)
    lines = []
    for user in range(150):
        gap, day = rng.gamma(2, 8) + 2, rng.uniform(0, 60)
        until = rng.uniform(30, 365) if user % 3 == 0 else 365
        while day < until:
            lines.append(Line(user_id(user), f"item {user % 7}", day=day, amount=round(float(rng.gamma(4, 5)) + 1, 2)))
            day += rng.gamma(3, gap / 3) + 1
    return log_of(lines)


@pytest.fixture(name="log", scope="module")
def _log() -> Interactions:
    """The town's log, once."""
    return town()


def test_nothing_after_the_cut_is_known(log: Interactions) -> None:
    """A forecast is the same whatever comes after its cut; only what is observed changes."""
    category = np.zeros(len(log.items), dtype=np.int32)
    cut, days = cut_of(Orders.from_interactions(log), now=at(365))
    first = calibrate(log, category, now=at(365))
    kept = log.select((log.time < cut) | (np.arange(len(log)) % 2 == 0))
    second = calibrate(kept, category, now=at(365))
    assert days == 90
    ours, again = first.orders[0], second.orders[0]
    assert ours.name == FORECAST
    assert [tenth.expected for tenth in ours.tenths] == [tenth.expected for tenth in again.tenths]
    assert [tenth.observed for tenth in ours.tenths] != [tenth.observed for tenth in again.tenths]


def test_forecast_beats_the_own_rate(log: Interactions) -> None:
    """Where a third stop at some day, knowing that customers leave is worth something."""
    found = calibrate(log, np.zeros(len(log.items), dtype=np.int32), now=at(365))
    errors = {each.name: each for each in found.orders}
    assert errors[FORECAST].error < errors[OWN_RATE].error
    assert errors[FORECAST].tenth_error < errors[OWN_RATE].tenth_error
    assert found.staying is not None
    assert found.staying.auc > 0.8
    assert found.staying.brier < found.staying.brier_mean
    assert {each.what for each in found.dates} == {"next order", "item bought again"}
    for each in found.dates:
        assert 0.7 < each.inside < 0.9


def test_shorter_logs_hold_out_less_or_nothing(log: Interactions) -> None:
    """Half a year holds out a month, two months nothing, with the reason."""
    orders = Orders.from_interactions(log)
    assert cut_of(orders.between(None, at(180)), now=at(180))[1] == 30
    with pytest.raises(EmptyLog, match="the log has 60 days of orders; 90 are needed"):
        cut_of(orders.between(None, at(60)), now=at(60))


@pytest.mark.parametrize("name", ["town", *planted.TINY])
def test_figures_survive_json(name: str) -> None:
    """What a report is drawn from can be drawn from again, of the smallest logs too."""
    model = models.model_of(town(), now=at(365)) if name == "town" else models.tiny_model(name)
    log = town() if name == "town" else planted.TINY[name]
    figures = measure_loyalty(log, model)
    again = LoyaltyFigures.from_dict(json.loads(json.dumps(figures.to_dict(), allow_nan=False)))
    assert again == figures
    assert (figures.calibration is None) == (name != "town")
    assert bool(figures.why_uncalibrated) == (name != "town")


def test_altered_figures_are_refused(log: Interactions) -> None:
    """A record with a word for a number, a missing or an unknown field is no record."""
    content = measure_loyalty(log, models.model_of(log, now=at(365))).to_dict()
    for change in ({"fitted": 3}, {"surprise": 1}, {"why_uncalibrated": None}, {"movement": {"months": "x"}}):
        with pytest.raises((TypeError, KeyError)):
            LoyaltyFigures.from_dict({**content, **change})


def test_table_has_everybody(tmp_path: Path) -> None:
    """One row per user in the order of the ids; what nobody knows is null; hostile ids survive the file."""
    model = models.hostile_model()
    frame = pl.read_parquet(save_customers(model, "20240101-0123456789ab", tmp_path))
    assert frame["user_id"].to_list() == list(model.users.ids)
    assert set(frame["segment"]) <= {segment.label for segment in Segment}
    assert frame.equals(customer_table(model))
    assert [path.name for path in tmp_path.iterdir()] == ["20240101-0123456789ab.customers.parquet"]


def test_table_says_what_the_model_says() -> None:
    """Figures are the model's; a prospect has neither score nor recency."""
    model = models.shop_model()
    frame = customer_table(model)
    ordered = model.customers.frequency > 0
    assert (frame["recency_score"].is_null().to_numpy() == ~ordered).all()
    np.testing.assert_allclose(
        frame["orders_90"].to_numpy()[model.outlook.is_known], model.outlook.orders_90[model.outlook.is_known]
    )
    assert frame["next_order"].dtype == pl.Date
