"""From rows to interactions, with every row accounted for."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import EmptyLog
from recommender.events import Event
from tests.planted import HOSTILE_IDS
from tests.training.log_files import clean_csv_log, read_csv_log, rows_of
from training.cleaning import CleaningReport, clean
from training.settings import CleaningSettings
from training.sources.event_files import FORMAT
from training.sources.log import LogRows, understand
from training.sources.tabular import LINE, Table

import polars as pl  # isort: skip


def test_an_honest_log_is_kept_whole(tmp_path: Path) -> None:
    """Users, items, orders, money and times come out as they went in."""
    log = clean_csv_log(
        tmp_path,
        "ann,tea,2024-01-01,o1,1,2.5,purchase",
        "ann,milk,2024-01-01,o1,2,3.0,purchase",
        ",tea,2024-01-02,o2,1,2.5,purchase",
    )
    assert rows_of(log.interactions) == [("ann", "milk", 2, 3.0), ("ann", "tea", 1, 2.5), (None, "tea", 1, 2.5)]
    assert log.interactions.order.tolist() == [0, 0, 1]
    report = log.report
    assert (report.rows_kept, report.guest_rows, report.users, report.items, report.orders) == (3, 1, 1, 2, 2)
    assert (report.first, report.last) == ("2024-01-01T00:00:00", "2024-01-02T00:00:00")
    assert log.refused.is_empty()


def test_report_survives_json(tmp_path: Path) -> None:
    """The report travels as plain values."""
    report = clean_csv_log(tmp_path, "ann,tea,2024-01-01,o1,1,2.5,purchase").report
    assert CleaningReport.from_dict(report.to_dict()) == report


def test_repeated_lines_count_once(tmp_path: Path) -> None:
    """An export that holds a line twice says nothing more."""
    line = "ann,tea,2024-01-01,o1,1,2.5,purchase"
    log = clean_csv_log(tmp_path, line, line, line)
    assert log.report.set_aside == {"lines identical to another": 2}


def test_lines_of_one_order_are_added_up(tmp_path: Path) -> None:
    """Two for one and one for free, scanned one by one, is one line of three."""
    log = clean_csv_log(
        tmp_path,
        "ann,tea,2024-01-01 10:00,o1,2,2.5,purchase",
        "ann,tea,2024-01-01 10:01,o1,1,0,purchase",
        "ann,tea,2024-01-01 10:02,o2,1,2.5,purchase",
        "bob,tea,2024-01-01 10:00,o1,1,2.5,purchase",
    )
    assert sorted(rows_of(log.interactions)) == [("ann", "tea", 1, 2.5), ("ann", "tea", 3, 2.5), ("bob", "tea", 1, 2.5)]
    assert log.report.set_aside == {"lines merged into another of the same order": 1}
    assert log.report.orders == 3


@pytest.mark.parametrize(("keep", "expected"), [(False, 0), (True, 1)])
def test_free_lines(keep: bool, expected: int, tmp_path: Path) -> None:
    """A line that cost nothing is a sample unless the shop says otherwise; an unknown amount is not zero."""
    log = clean_csv_log(
        tmp_path,
        "ann,tea,2024-01-01,o1,1,,purchase",
        "ann,sample,2024-01-01,o1,1,0,purchase",
        "ann,tea,2024-01-02,,,,click",
        limits=CleaningSettings(keep_free_lines=keep),
    )
    assert log.report.rows_kept == 2 + expected


def test_without_order_ids_a_day_is_a_basket(tmp_path: Path) -> None:
    """A user's lines of one day belong together; a guest's line is alone."""
    log = clean_csv_log(
        tmp_path,
        "ann,tea,2024-01-01 08:00,,1,1,purchase",
        "ann,milk,2024-01-01 20:00,,1,1,purchase",
        "ann,milk,2024-01-02 08:00,,1,1,purchase",
        ",tea,2024-01-01 09:00,,1,1,purchase",
        ",milk,2024-01-01 09:00,,1,1,purchase",
    )
    assert log.report.orders == 4


def test_days_are_those_of_the_shop(tmp_path: Path) -> None:
    """An evening in New York is one day, though it is two in UTC."""
    lines = ["ann,tea,2024-01-01T22:00:00-05:00,,1,1,purchase", "ann,milk,2024-01-01T12:00:00-05:00,,1,1,purchase"]
    log = read_csv_log(tmp_path, *lines)
    assert clean(log, CleaningSettings(), time_zone="UTC").report.orders == 2
    assert clean(log, CleaningSettings(), time_zone="America/New_York").report.orders == 1


def test_returns_take_purchases_back(tmp_path: Path) -> None:
    """What was returned was not wanted; a return of something never bought is quarantined."""
    log = clean_csv_log(
        tmp_path,
        "ann,tea,2024-01-01,o1,1,2.5,purchase",
        "ann,tea,2024-01-03,o2,4,10,purchase",
        "ann,tea,2024-01-04,r1,-3,-7.5,purchase",
        "bob,tea,2024-01-01,o3,1,2.5,purchase",
        "bob,tea,2024-01-02,r2,1,2.5,return",
        "cat,tea,2024-01-02,r3,1,2.5,return",
    )
    assert rows_of(log.interactions) == [("ann", "tea", 1, 2.5), ("ann", "tea", 1, 2.5)]
    assert log.report.set_aside == {"returns that took an earlier purchase back": 2, "purchases that were returned": 1}
    assert log.report.quarantined == {"the return has no earlier purchase": 1}
    (refused,) = log.refused.rows(named=True)
    assert (refused["__file"], refused["__line"], refused["user"]) == ("log.csv", 7, "cat")


def test_orders_of_robots_are_capped(tmp_path: Path) -> None:
    """The first orders of a day stay, the fiftieth does not; another user's orders are their own business."""
    lines = [f"bot,tea,2024-01-01 {hour:02}:00,o{50 - hour},1,1,purchase" for hour in range(10)]
    log = clean_csv_log(
        tmp_path, *lines, "ann,tea,2024-01-01 23:00,o99,1,1,purchase", limits=CleaningSettings(max_orders_per_day=4)
    )
    assert log.report.set_aside == {"orders beyond 4 of one user on one day": 6}
    assert [str(time)[11:13] for time in log.interactions.time] == ["00", "01", "02", "03", "23"]


def test_rows_of_one_user_are_capped(tmp_path: Path) -> None:
    """The latest rows stay; guests are many people and are not capped."""
    lines = [f"{user},i{day},2024-01-{day:02},o{user}{day},1,1,purchase" for day in range(1, 8) for user in ("bot", "")]
    log = clean_csv_log(tmp_path, *lines, limits=CleaningSettings(max_rows_per_user=3))
    assert log.report.guest_rows == 7
    assert [user_item[1] for user_item in rows_of(log.interactions) if user_item[0]] == ["i5", "i6", "i7"]


@pytest.mark.parametrize("n_rows", [60, 1200])
def test_a_mistyped_century_does_not_become_today(n_rows: int, tmp_path: Path) -> None:
    """One date far beyond all others is quarantined: recency is counted from the end of the log."""
    lines = [f"u{n},tea,2024-01-{n % 28 + 1:02},o{n},1,1,purchase" for n in range(n_rows)]
    log = clean_csv_log(tmp_path, *lines, "ann,tea,2204-01-01,o,1,1,purchase")
    assert log.report.last.startswith("2024-01-28")
    assert log.report.quarantined == {"the time is more than a year after nearly all others": 1}


def test_excluded_items_are_gone(tmp_path: Path) -> None:
    """Excluded items leave no id behind."""
    rows = read_csv_log(tmp_path, "ann,tea,2024-01-01,o1,1,1,purchase", "ann,coupon,2024-01-01,o1,1,1,purchase")
    log = clean(rows, CleaningSettings(), excluded={"coupon"})
    assert log.interactions.items.ids == ("tea",)
    assert log.report.set_aside == {"items excluded in [items]": 1}


def test_purchase_in_both_sources_counts_once(tmp_path: Path) -> None:
    """A purchase that the storefront reported and the purchase log holds is the log's; clicks stay."""
    logged = read_csv_log(tmp_path, "ann,tea,2024-01-01 10:00,o1,1,2.5,purchase")
    events = {
        "event_id": ["e1", "e2", "e3"],
        "user_id": ["ann", "ann", "ann"],
        "item_id": ["tea", "milk", "tea"],
        "event": ["purchase", "purchase", "click"],
        "order_id": ["o1", "o1", None],
        "time": ["2024-01-01T10:00:03Z"] * 3,
        LINE: [1, 2, 3],
    }
    reported = understand(Table("e.jsonl", pl.DataFrame(events)), FORMAT, CleaningSettings(), event_id="event_id")
    log = clean(LogRows.combine([logged, reported]), CleaningSettings())
    assert log.report.set_aside == {"reported purchases that are in the purchase log": 1}
    assert sorted(log.interactions.event.tolist()) == [Event.PURCHASE, Event.PURCHASE, Event.CLICK]


@pytest.mark.parametrize(
    ("lines", "hint"),
    [
        ([], "there are no rows"),
        (["ann,tea,2024-01-01,o1,0,1,purchase"] * 2, "none of 2 rows can be learned from (2 × the quantity is zero)"),
    ],
)
def test_nothing_left(lines: list[str], hint: str, tmp_path: Path) -> None:
    """A log in which nothing is left says so, and why."""
    with pytest.raises(EmptyLog) as refused:
        clean_csv_log(tmp_path, *lines)
    assert "log.csv" in str(refused.value)
    assert hint in str(refused.value)


def test_hostile_ids_survive(tmp_path: Path) -> None:
    """Ids come out of a CSV file as they went in."""
    path = tmp_path / "log.csv"
    pl.DataFrame({"user": HOSTILE_IDS, "item": HOSTILE_IDS, "time": ["2024-01-01"] * len(HOSTILE_IDS)}).write_csv(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    log = clean(
        read_csv_log(tmp_path, *[line + ",,1,1,purchase" for line in lines[1:]]), CleaningSettings()
    ).interactions
    assert set(log.users.ids) == set(log.items.ids) == set(HOSTILE_IDS)


LINES = st.builds(
    "{},{},2024-01-{:02} {:02}:00,{},{},{},{}".format,
    st.sampled_from(["ann", "bob", ""]),
    st.sampled_from(["tea", "milk", ""]),
    st.integers(1, 28),
    st.integers(0, 23),
    st.sampled_from(["o1", "o2", ""]),
    st.sampled_from(["1", "2", "-1", "0", "NaN"]),
    st.sampled_from(["1.5", "0", ""]),
    st.sampled_from(["purchase", "return", "click", "impression"]),
)


@given(lines=st.lists(LINES, min_size=1, max_size=25), seed=st.integers(0, 9))
def test_every_row_is_accounted_for_in_any_order(
    lines: list[str], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Read = kept + quarantined + set aside, and shuffling the file changes nothing."""
    folder = tmp_path_factory.mktemp("log")
    shuffled = random.Random(seed).sample(lines, len(lines))
    try:
        log, other = clean_csv_log(folder, *lines), clean_csv_log(folder, *shuffled)
    except EmptyLog:
        return
    assert log.report == other.report
    for name in ("user", "item", "event", "quantity", "amount", "order", "time"):
        np.testing.assert_array_equal(getattr(log.interactions, name), getattr(other.interactions, name))
