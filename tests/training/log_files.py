"""Logs on disk for the tests of training: CSV text in, the result of each stage out."""

from pathlib import Path

import polars as pl

from recommender.interactions import GUEST, Interactions
from training.cleaning import CleanLog, clean
from training.settings import CleaningSettings, PurchaseColumns, PurchaseSettings
from training.sources.log import LogRows, read_log
from training.sources.paths import SourceFile

COLUMNS = PurchaseColumns(
    user="user", item="item", time="time", order="order", quantity="quantity", amount="amount", event="event"
)
HEADER = "user,item,time,order,quantity,amount,event"


def read_csv_log(
    folder: Path,
    *lines: str,
    header: str = HEADER,
    settings: PurchaseSettings | None = None,
    limits: CleaningSettings | None = None,
) -> LogRows:
    """Write `lines` as CSV and read them as a purchase log."""
    path = folder / "log.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    settings = settings or PurchaseSettings(columns=COLUMNS)
    return read_log([SourceFile("log.csv", path)], settings, limits or CleaningSettings())


def clean_csv_log(folder: Path, *lines: str, limits: CleaningSettings | None = None) -> CleanLog:
    """Write `lines` as CSV, read and clean them, and check that every row is accounted for."""
    limits = limits or CleaningSettings()
    log = clean(read_csv_log(folder, *lines, limits=limits), limits)
    report = log.report
    gone = sum(report.quarantined.values()) + sum(report.set_aside.values())
    assert report.rows_read == len(lines) == report.rows_kept + gone
    return log


def rows_of(interactions: Interactions) -> list[tuple[str | None, str, float, float]]:
    """User, item, quantity and amount of every row, by id."""
    return [
        (None if user == GUEST else interactions.users.ids[user], interactions.items.ids[item], quantity, amount)
        for user, item, quantity, amount in zip(
            interactions.user.tolist(),
            interactions.item.tolist(),
            interactions.quantity.tolist(),
            interactions.amount.tolist(),
            strict=True,
        )
    ]


def write_purchases(interactions: Interactions, path: Path) -> None:
    """Write `interactions` as a purchase log that maps to itself."""
    pl.DataFrame(
        {
            "user": [None if user == GUEST else interactions.users.ids[user] for user in interactions.user.tolist()],
            "item": [interactions.items.ids[item] for item in interactions.item.tolist()],
            "time": interactions.time.astype("datetime64[ms]"),
            "order": interactions.order,
            "quantity": interactions.quantity,
            "amount": interactions.amount,
        }
    ).write_parquet(path)
