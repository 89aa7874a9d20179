"""The catalogue: what is known of the items in the log."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recommender.errors import ConfigError, MissingColumn
from recommender.interactions import Interactions
from tests.planted import Line, at, log_of
from training.settings import ItemSettings
from training.sources.items import ItemRows, build_catalogue, left_out, paid_prices, read_items, with_unsold_items
from training.sources.paths import SourceFile

PRODUCTS = {
    "sku": [7, 8, 9, 9, None],
    "brand": ["PRIVATE", None, "NATIONAL", "LATER", "NOBODY"],
    "kind": ["WHOLE MILK", "TEA", "FUEL", "FUEL", "FUEL"],
    "shelf": ["DAIRY", None, "FUEL", "FUEL", "FUEL"],
    "cost": [1.5, -1.0, None, 3.0, 4.0],
}
MAPPED: dict[str, Any] = {"id": "sku", "title": "{brand:title} {kind:title}", "category": "{shelf:title}"}


def read(folder: Path, **settings: Any) -> ItemRows:
    """Read PRODUCTS as the settings say."""
    pl.DataFrame(PRODUCTS).write_parquet(folder / "products.parquet")
    files = [SourceFile("products.parquet", folder / "products.parquet")]
    return read_items(files, ItemSettings(**(MAPPED | settings)))


def log() -> Interactions:
    """Items 10 (not in the catalogue), 7 and 8, sold at several prices."""
    return log_of(
        [
            Line("ann", "7", day=0, quantity=2, amount=6.0),
            Line("ann", "8", day=0, quantity=1, amount=9.0),
            Line("ann", "8", day=200, quantity=2, amount=4.0),
            Line("bob", "8", day=201, quantity=1, amount=2.5),
            Line("bob", "8", day=202, quantity=1, amount=2.2),
            Line("bob", "10", day=202, quantity=1, amount=0.0),
        ]
    )


def test_fields_are_rendered(tmp_path: Path) -> None:
    """Templates apply, the first of two rows with one id counts, rows without id are left out."""
    items = read(tmp_path)
    assert items.rows.select("id", "title", "category").rows() == [
        ("7", "Private Whole Milk", "Dairy"),
        ("8", "Tea", ""),
        ("9", "National Fuel", "Fuel"),
    ]
    assert items.n_repeated == 1


def test_catalogue_follows_the_log(tmp_path: Path) -> None:
    """One row per item of the log, in its order; an item nobody described is empty, not missing."""
    catalogue = build_catalogue(read(tmp_path), log(), now=at(203))
    assert list(catalogue.title) == ["", "Private Whole Milk", "Tea"]
    assert [catalogue.categories[index] for index in catalogue.category] == ["", "Dairy", ""]


def test_price_is_what_was_paid_lately() -> None:
    """The median of the last 90 days; of all days for what was not sold since; unknown if nothing was
    paid.
    """
    np.testing.assert_array_equal(paid_prices(log(), now=at(203)), [np.nan, 3.0, 2.2])


def test_mapped_price_wins_where_it_is_one(tmp_path: Path) -> None:
    """A price below zero or missing is no price: then what was paid counts."""
    catalogue = build_catalogue(read(tmp_path, price="cost"), log(), now=at(203))
    np.testing.assert_array_equal(catalogue.price, [np.nan, 1.5, 2.2])


@pytest.mark.parametrize(
    "exclude",
    [{"category": ["fuel"]}, {"shelf": ["FUEL"]}, {"title": ["National Fuel", "Later Fuel"]}, {"kind": ["Fuel"]}],
)
def test_exclusion(exclude: dict[str, list[str]], tmp_path: Path) -> None:
    """By field or by column, whatever the case of the letters."""
    assert read(tmp_path, exclude=exclude).excluded == {"9"}


def test_exclusion_by_nothing_known(tmp_path: Path) -> None:
    """A name that is neither a field nor a column is an error with a suggestion."""
    with pytest.raises(ConfigError, match="did you mean 'category'"):
        read(tmp_path, exclude={"categories": ["FUEL"]})


def test_missing_column_of_a_template(tmp_path: Path) -> None:
    """The message names the field whose template asks for it."""
    with pytest.raises(MissingColumn, match=r"no column 'brands'; did you mean 'brand'\?.*Correct title in \[items\]"):
        read(tmp_path, title="{brands} {kind}")


def test_no_catalogue_at_all() -> None:
    """Without files, items are known by their id, and by what was paid for them."""
    catalogue = build_catalogue(read_items([], ItemSettings()), log(), now=at(203))
    assert list(catalogue.title) == ["", "", ""]
    assert catalogue.price[1] == 3.0


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["tea", "空 a/b:%"], None),
        (["tea", "bad\x07"], r"1 row of the catalogue is left out because of the id, such as 'bad\x07': it holds a"),
        (
            ["tea", "x" * 513, "\n1"],
            f"2 rows of the catalogue are left out because of the id, such as '{'x' * 60}…': it",
        ),
        (["", "tea", None], "2 rows of the catalogue are left out because of the id, such as '': it is empty"),
    ],
)
def test_what_cannot_be_an_item_is_counted(ids: list[str | None], said: str | None, tmp_path: Path) -> None:
    """Rows with an id that no item may have are left out, and their number and one of them are said."""
    pl.DataFrame({"id": ids}).write_parquet(tmp_path / "items.parquet")
    items = read_items([SourceFile("items.parquet", tmp_path / "items.parquet")], ItemSettings(id="id"))
    found = left_out(items)
    assert found is None if said is None else str(found).startswith(said)
    known = {"tea"} | ({"空 a/b:%"} if said is None else set())
    assert set(with_unsold_items(log(), items).items.ids) == set(log().items.ids) | known


def test_an_excluded_id_is_not_counted(tmp_path: Path) -> None:
    """What the configuration leaves out anyway needs no correction."""
    pl.DataFrame({"id": ["tea", "\t1"], "brand": ["a", "b"]}).write_parquet(tmp_path / "items.parquet")
    files = [SourceFile("items.parquet", tmp_path / "items.parquet")]
    settings = ItemSettings(id="id", brand="{brand}", exclude={"brand": ("b",)})
    assert left_out(read_items(files, settings)) is None
