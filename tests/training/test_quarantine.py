"""The file of rows that make no sense."""

from pathlib import Path

import polars as pl

from tests.training.log_files import clean_csv_log, read_csv_log
from training.quarantine import write_quarantine
from training.settings import PurchaseColumns, PurchaseSettings


def test_rows_are_shown_as_they_were(tmp_path: Path) -> None:
    """File, line, reason and the original values, sorted by place."""
    log = clean_csv_log(
        tmp_path,
        "ann,tea,2024-01-01,o1,1,1,purchase",
        "bob,tea,2024-01-01,r1,-1,-1,purchase",
        "ann,tea,soon,o1,1,1,purchase",
    )
    path = write_quarantine(log.refused, tmp_path / "data" / "quarantine" / "purchases.csv")
    assert path is not None
    table = pl.read_csv(path, infer_schema=False)
    assert table.columns[:3] == ["file", "line", "reason"]
    assert table.select("line", "reason", "time").rows() == [
        ("3", "the return has no earlier purchase", "2024-01-01 00:00:00.000000"),
        ("4", "the time cannot be read", "soon"),
    ]
    assert [entry.name for entry in path.parent.iterdir()] == ["purchases.csv"]


def test_nothing_to_show_leaves_no_file(tmp_path: Path) -> None:
    """Yesterday's quarantine does not outlive a clean log."""
    path = tmp_path / "purchases.csv"
    path.write_text("old")
    assert write_quarantine(pl.DataFrame(), path) is None
    assert not path.exists()


def test_columns_named_like_ours_are_told_apart(tmp_path: Path) -> None:
    """A log's own "reason" stays beside the reason of the refusal."""
    settings = PurchaseSettings(columns=PurchaseColumns(user="reason", item="file", time="line"))
    log = read_csv_log(tmp_path, "u,i,2024-01-01", "gift,,2024-01-01", header="reason,file,line", settings=settings)
    path = write_quarantine(log.refused, tmp_path / "q.csv")
    assert path is not None
    (row,) = pl.read_csv(path, infer_schema=False).rows(named=True)
    assert (row["reason"], row["reason (original)"], row["line"]) == ("the item is empty", "gift", "3")
