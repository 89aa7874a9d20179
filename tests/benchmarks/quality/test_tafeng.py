"""The protocol of Ta-Feng: baskets become a log with times, nobody is learned from who is measured, figures by hand."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.quality import tafeng
from benchmarks.quality.baskets import NOW, Baskets
from benchmarks.quality.scoreboard import MissingData
from recommender.interactions import SECONDS_PER_DAY
from recommender.item_lists import ItemLists
from training.progress import SilentProgress


def write_shop(folder: Path, *, n_users: int = 60, seed: int = 1) -> Path:
    """Write a small shop in the format of the files: four baskets each, everybody with a favourite of their own."""
    rng = np.random.default_rng(seed)
    lines = [
        (100 + user, basket, int(item))
        for user in range(n_users)
        for basket in range(4)
        for item in {10 + user % 7, *rng.choice(40, size=4, p=np.arange(40, 0, -1) / 820)}
    ]
    parts = [
        (fold, ("test" if user % 5 == fold else "val" if user % 5 == (fold + 1) % 5 else "train"), 100 + user)
        for fold in range(5)
        for user in range(n_users)
    ]
    folder.mkdir(parents=True)
    pl.DataFrame(lines, schema=["user_id", "basket", "item_id"], orient="row").write_parquet(folder / "baskets.parquet")
    pl.DataFrame(parts, schema=["fold", "part", "user_id"], orient="row").write_parquet(folder / "folds.parquet")
    return folder


def test_last_baskets_stay_hidden_unless_disclosed(tmp_path: Path) -> None:
    """The log has everybody's earlier baskets, one spacing apart, and last ones of the disclosed alone."""
    baskets = Baskets.read(write_shop(tmp_path / "tafeng"), seed=3)
    disclosed = baskets.folds[0]["train"]
    log = baskets.log(disclosed, spacing_days=10)
    age_days = (NOW - log.time).astype(np.int64) / SECONDS_PER_DAY
    assert set(age_days.tolist()) == {0.5, 10, 20, 30}
    assert set(log.user[age_days == 0.5].tolist()) == set(disclosed.tolist())
    assert set(log.user[age_days > 1].tolist()) == set(range(60))
    assert log.n_orders == 60 * 3 + len(disclosed)


def test_measured_users_teach_nothing(tmp_path: Path) -> None:
    """Another last basket of a test user changes no log and no ranking, only the truth."""
    folder = write_shop(tmp_path / "tafeng")
    lines = pl.read_parquet(folder / "baskets.parquet")
    fold = Baskets.read(folder, seed=3).folds[0]
    swapped = (pl.col("user_id") - 100).is_in(fold["test"].tolist()) & (pl.col("basket") == 3)
    other = write_shop(tmp_path / "other")
    lines.with_columns(item_id=pl.when(swapped).then(39 - pl.col("item_id")).otherwise("item_id")).unique(
        maintain_order=True
    ).write_parquet(other / "baskets.parquet")
    first, second = (Baskets.read(place, seed=3) for place in (folder, other))
    logs = [baskets.log(fold["train"], spacing_days=10) for baskets in (first, second)]
    for column in ("user", "item", "order", "time"):
        np.testing.assert_array_equal(getattr(logs[0], column), getattr(logs[1], column))
    rankings = [tafeng.peers(baskets, fold["train"], fold["test"]) for baskets in (first, second)]
    for ranker, ranking in rankings[0].items():
        np.testing.assert_array_equal(ranking.item, rankings[1][ranker].item, err_msg=ranker)
    assert first.asked(fold["test"]).item.tolist() != second.asked(fold["test"]).item.tolist()


def test_own_list_is_by_count_then_by_first_appearance(tmp_path: Path) -> None:
    """Twice comes before once, and of two bought once the one seen earlier; the last basket is not looked at."""
    folder = write_shop(tmp_path / "tafeng", n_users=5)
    bought = {0: [7, 3], 1: [5, 3], 2: [9]}
    lines = [(100 + user, basket, item) for user in range(5) for basket, items in bought.items() for item in items]
    pl.DataFrame(lines, schema=["user_id", "basket", "item_id"], orient="row").write_parquet(folder / "baskets.parquet")
    baskets = Baskets.read(folder, seed=3)
    index = dict(zip([7, 3, 5, 3, 9], baskets.item[:5].tolist(), strict=True))
    users = np.array([0, 4])
    assert [row.tolist() for row in baskets.earlier(users)] == [[index[3], index[7], index[5]]] * 2
    assert [row.tolist() for row in baskets.asked(users)] == [[index[9]]] * 2
    assert baskets.counts(users)[1, index[3]] == 2


def test_figures_by_hand() -> None:
    """Recall is of the whole basket, and the ideal list of nDCG runs over all of it, beyond k."""
    ranking = ItemLists.from_rows([[0, *range(100, 119)], [50, *range(200, 219)]])
    truth = ItemLists.from_rows([[0, *range(1, 12)], [60]])
    found = tafeng.figures_of(ranking, truth)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, 13))
    assert found["R@10"] == pytest.approx(1 / 12 / 2)
    assert found["nDCG@10"] == pytest.approx(1 / ideal / 2)
    assert found["PHR@20"] == 0.5


def test_a_run_has_every_row(tmp_path: Path) -> None:
    """The short form trains, ranks and gives the engine's bounded rows first, then those of every peer."""
    folder = write_shop(tmp_path / "tafeng")
    result = tafeng.measure(folder, seed=7, quick=True, progress=SilentProgress())
    bounded = [row.row for row in result.rows if row.floor is not None]
    assert bounded == ["R@10", "nDCG@10", "R@20"]
    assert len(result.rows) == 6 * 6
    assert result.rows[0].value > 0
    assert result.seed == 7


def test_missing_files_are_named(tmp_path: Path) -> None:
    """Without the data, the message says where it was looked for."""
    with pytest.raises(MissingData, match=r"baskets\.parquet is missing"):
        tafeng.measure(tmp_path / "tafeng", seed=1, quick=True, progress=SilentProgress())
