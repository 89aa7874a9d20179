"""Rows of a log: understood, or refused with a reason."""

from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from recommender.events import Event
from tests.training.log_files import COLUMNS, HEADER, read_csv_log
from training.settings import CleaningSettings, PurchaseColumns, PurchaseSettings
from training.sources.log import REASON, read_log
from training.sources.paths import SourceFile

GOOD = "ann,tea,2024-01-01,o1,1,2.5,purchase"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ann,,2024-01-01,o1,1,2.5,purchase", "the item is empty"),
        ("ann,te\ta,2024-01-01,o1,1,2.5,purchase", "the item cannot be an id"),
        (f"{'x' * 513},tea,2024-01-01,o1,1,2.5,purchase", "the user cannot be an id"),
        ("ann,tea,soon,o1,1,2.5,purchase", "the time cannot be read"),
        ("ann,tea,,o1,1,2.5,purchase", "the time cannot be read"),
        ("ann,tea,1900-01-01,o1,1,2.5,purchase", "the time is before 1990-01-01"),
        ("ann,tea,2031-01-02,o1,1,2.5,purchase", "the time is after 2031-01-01"),
        ("ann,tea,2024-01-01,o1,,2.5,purchase", "the quantity is empty"),
        ("ann,tea,2024-01-01,o1,many,2.5,purchase", "the quantity is not a number"),
        ("ann,tea,2024-01-01,o1,NaN,2.5,purchase", "the quantity is not a number"),
        ("ann,tea,2024-01-01,o1,inf,2.5,purchase", "the quantity is not a number"),
        ("ann,tea,2024-01-01,o1,0,2.5,purchase", "the quantity is zero"),
        ("ann,tea,2024-01-01,o1,1e-320,2.5,purchase", "the quantity is zero"),
        ("ann,te\x9fa,2024-01-01,o1,1,2.5,purchase", "the item cannot be an id"),
        ("ann,tea,2024-01-01,o1,89638,2.5,purchase", "the quantity is above 1000"),
        ("ann,tea,2024-01-01,o1,-89638,2.5,purchase", "the quantity is above 1000"),
        ("ann,tea,2024-01-01,o1,1,free,purchase", "the amount is not a number"),
        ("ann,tea,2024-01-01,o1,1,1e300,purchase", "the amount is above 1e+15"),
        ("ann,tea,2024-01-01,o1,1,-2e15,purchase", "the amount is above 1e+15"),
        ("ann,tea,2024-01-01,o1,1,2.5,bought", "the event is unknown"),
    ],
)
def test_row_without_sense_is_refused(line: str, reason: str, tmp_path: Path) -> None:
    """The row is not kept, its reason, line and values are; the rows around it are untouched."""
    import datetime as dt

    log = read_csv_log(tmp_path, GOOD, line, limits=CleaningSettings(latest=dt.date(2031, 1, 1)))
    assert log.rows.height == 1
    (refused,) = log.refused.rows(named=True)
    assert refused[REASON] == reason
    assert (refused["__file"], refused["__line"]) == ("log.csv", 3)
    originals = [refused[name] or "" for name in HEADER.split(",")]
    assert originals == line.split(",")


def test_last_day_counts_to_its_end(tmp_path: Path) -> None:
    """`latest` names a day that still belongs to the log."""
    import datetime as dt

    line = GOOD.replace("2024-01-01", "2031-01-01 23:59:59")
    assert read_csv_log(tmp_path, line, limits=CleaningSettings(latest=dt.date(2031, 1, 1))).rows.height == 1


@pytest.mark.parametrize(
    "line",
    [
        "ann,tea,2024-01-01,o1,-2,2.5,purchase",
        "ann,tea,2024-01-01,o1,-2,-2.5,purchase",
        "ann,tea,2024-01-01,o1,2,-2.5,purchase",
        "ann,tea,2024-01-01,o1,2,2.5,Return",
        "ann,tea,2024-01-01,o1,-2,2.5,return",
    ],
)
def test_returns_in_all_their_spellings(line: str, tmp_path: Path) -> None:
    """A negative quantity, a refund and a return event are the same thing."""
    (row,) = read_csv_log(tmp_path, line).rows.rows(named=True)
    assert (row["event"], row["quantity"], row["amount"]) == (Event.RETURN, 2.0, 2.5)


def test_guests_are_kept(tmp_path: Path) -> None:
    """A row whose user is empty or blank belongs to a guest."""
    log = read_csv_log(tmp_path, GOOD.replace("ann", ""), GOOD.replace("ann", "  "))
    assert log.rows["user"].to_list() == [None, None]


def test_amount_follows_from_price(tmp_path: Path) -> None:
    """Without an amount, price times quantity; without either, unknown."""
    settings = PurchaseSettings(columns=COLUMNS.model_copy(update={"price": "price"}))
    lines = ["ann,tea,2024-01-01,o1,3,,purchase,2.5", "ann,tea,2024-01-01,o1,3,7,purchase,2.5"]
    log = read_csv_log(tmp_path, *lines, header=HEADER + ",price", settings=settings)
    assert log.rows["amount"].to_list() == [7.5, 7.0]
    assert read_csv_log(tmp_path, "ann,tea,2024-01-01,o1,3,,purchase").rows["amount"].to_list() == [None]


def test_events_that_are_not_learned_from_are_counted(tmp_path: Path) -> None:
    """An impression is no mistake: it is counted and left alone, whatever else it lacks."""
    log = read_csv_log(tmp_path, GOOD, ",,,,,,impression", "ann,,2024-01-01,,,,complaint_opened")
    assert log.refused.is_empty()
    assert log.unused == {
        "impression events are not learned from": 1,
        "complaint_opened events are not learned from": 1,
    }
    assert log.n_read == 3


def test_click_needs_no_quantity(tmp_path: Path) -> None:
    """One click is one click."""
    assert read_csv_log(tmp_path, "ann,tea,2024-01-01,,,,click").rows["quantity"].to_list() == [1.0]


def test_unreadable_time_column(tmp_path: Path) -> None:
    """If no time stamp can be read, the file is not quarantined row by row: the message shows one and the
    key.
    """
    lines = ["ann,tea,01.02.2024,o1,1,2.5,purchase"] * 3
    with pytest.raises(InvalidInput) as refused:
        read_csv_log(tmp_path, *lines)
    for part in ("log.csv", "3 values of 'time'", "'01.02.2024'", "time_format in [purchases]"):
        assert part in str(refused.value)
    settings = PurchaseSettings(columns=COLUMNS, time_format="%d.%m.%Y")
    assert read_csv_log(tmp_path, *lines, settings=settings).rows.height == 3


def test_three_columns_are_enough(tmp_path: Path) -> None:
    """User, item and time make a log: one unit each, no amount, no order."""
    settings = PurchaseSettings(columns=PurchaseColumns(user="user", item="item", time="time"))
    log = read_csv_log(tmp_path, "ann,tea,2024-01-01", header="user,item,time", settings=settings)
    (row,) = log.rows.rows(named=True)
    assert (row["quantity"], row["amount"], row["order"], row["event"]) == (1.0, None, None, Event.PURCHASE)


def test_columns_named_like_ours(tmp_path: Path) -> None:
    """A log may call its columns "reason", "file" or "line"."""
    settings = PurchaseSettings(columns=PurchaseColumns(user="reason", item="file", time="line"))
    log = read_csv_log(tmp_path, "ann,tea,2024-01-01", ",,2024", header="reason,file,line", settings=settings)
    assert log.rows.height == 1
    assert log.refused.height == 1


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0)])
def test_every_control_character_is_refused_by_row(code: int, tmp_path: Path) -> None:
    """What no id may hold costs its row, not the training: cleaning and `id_problem` share one rule."""
    import polars as pl

    pl.DataFrame({"user": ["ann", "bob"], "item": ["tea", f"a{chr(code)}b"], "time": ["2024-01-01"] * 2}).write_parquet(
        tmp_path / "log.parquet"
    )
    settings = PurchaseSettings(columns=PurchaseColumns(user="user", item="item", time="time"))
    log = read_log([SourceFile("log.parquet", tmp_path / "log.parquet")], settings, CleaningSettings())
    assert log.rows["item"].to_list() == ["tea"]
    assert log.refused[REASON].to_list() == ["the item cannot be an id"]


def test_a_date_no_shop_has_is_refused_without_a_limit(tmp_path: Path) -> None:
    """A placeholder such as 9999-12-31 is quarantined in a log of any size; `latest` says otherwise if it must."""
    import datetime as dt

    line = GOOD.replace("2024-01-01", "9999-12-31")
    assert read_csv_log(tmp_path, GOOD, line).refused[REASON].to_list() == ["the time is after 2261-12-31"]
    assert read_csv_log(tmp_path, GOOD, line, limits=CleaningSettings(latest=dt.date(9999, 12, 31))).rows.height == 2
