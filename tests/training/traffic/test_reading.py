"""Event files and the purchase log become one table, each order once."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recommender.errors import EmptyLog
from recommender.events import Event
from tests.traffic_rows import Row, rows_of
from training.progress import SilentProgress
from training.settings import TrainingSettings
from training.traffic.events import BROWSER, NAMED, VISIT
from training.traffic.reading import Read, joined, read_traffic
from training.traffic.tables import traffic_report

NIGHT = "2026-03-01T00:00:00Z"
NIGHT_SECONDS = 1_772_323_200


def event(kind: str, **said: Any) -> str:
    """A line of an event file."""
    return json.dumps({"event": kind, "time": NIGHT, "received_at": NIGHT, "item_id": "milk", **said})


def read(folder: Path, *lines: str, log: str = "", erased: tuple[str, ...] = (), **options: Any) -> Read:
    """Read one event file, and a purchase log if one is given."""
    (folder / "events").mkdir(exist_ok=True)
    (folder / "events" / "events-2026-03-01.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tables: dict[str, Any] = {"data": {"dir": folder}, "folder": folder}
    if log:
        (folder / "log.csv").write_text("user_id,item_id,time,order_id,amount\n" + log, encoding="utf-8")
        tables["purchases"] = {"paths": "log.csv", "columns": {"order": "order_id", "amount": "amount"}}
    settings = TrainingSettings.model_validate(tables)
    options = {"with_log": True, "since": None} | options
    return read_traffic(settings, erased=erased, progress=SilentProgress(), **options)


def named(found: Read) -> list[tuple[str | None, Row]]:
    """Each row with the name of its visitor."""
    names = [*found.visitors, None]
    return [(names[row.visitor], row) for row in rows_of(found.traffic)]


def test_a_visitor_is_a_user_a_browser_or_a_visit(tmp_path: Path) -> None:
    """In this order; an id that two kinds share is two visitors, and who was erased is a browser like any other."""
    found = read(
        tmp_path,
        event("click", user_id="7", anonymous_id="b", session_id="s"),
        event("click", anonymous_id="7", session_id="s"),
        event("click", session_id="7"),
        event("click", user_id="gone", anonymous_id="b"),
        event("click"),
        erased=("gone",),
    )
    assert {name for name, _ in named(found)} == {"7", f"{BROWSER}7", f"{VISIT}7", f"{BROWSER}b", None}


def test_what_a_guest_did_is_the_users_who_they_became(tmp_path: Path) -> None:
    """Whoever signed in last before it, else first after it; a line that says so is no event, and none is left out."""
    clock = "2026-03-01T{:02}:00:00Z".format
    found = read(
        tmp_path,
        event("impression", anonymous_id="g", item_id="a", time=clock(1)),
        event("merge", event_id="m1", anonymous_id="g", user_id="17", time=clock(2)),
        event("impression", anonymous_id="g", item_id="b", time=clock(3)),
        event("merge", event_id="m2", anonymous_id="g", user_id="18", time=clock(4)),
        event("impression", anonymous_id="g", item_id="c", time=clock(5)),
        event("impression", anonymous_id="g", user_id="gone", item_id="d", time=clock(6)),
        event("impression", anonymous_id="stranger", item_id="e", time=clock(7)),
        event("merge", event_id="m3", anonymous_id="h", user_id="gone", time=clock(5)),
        event("impression", anonymous_id="h", item_id="f", time=clock(8)),
        erased=("gone",),
    )
    names = [name for name, _ in named(found)]
    expected = ["17", "17", "18", f"{BROWSER}g", f"{BROWSER}stranger", f"{BROWSER}h"]
    assert (names, found.notes) == (expected, ())


def test_an_order_follows_the_shelf_its_guest_clicked_on(tmp_path: Path) -> None:
    """Seen and clicked by a guest, bought by the user they turned out to be."""
    read(
        tmp_path,
        event("impression", anonymous_id="g", slate_id="s", placement="home", rank=1),
        event("click", anonymous_id="g", slate_id="s", placement="home", rank=1, time="2026-03-01T00:00:10Z"),
        event("merge", anonymous_id="g", user_id="17", time="2026-03-01T00:00:20Z"),
        event("purchase", user_id="17", order_id="o", price=2.0, time="2026-03-01T00:01:00Z"),
    )
    settings = TrainingSettings.model_validate({"data": {"dir": tmp_path}, "folder": tmp_path})
    report = traffic_report(settings, since=None, until=None, with_log=False, erased=(), progress=SilentProgress())
    (total,) = report.views["all"]
    assert (total.orders, report.orders, total.revenue) == (1, 1, 2.0)


def test_made_up_placements_do_not_flood_a_report(tmp_path: Path) -> None:
    """The API's own and those with the most events have rows; all others share one, and nothing is lost."""
    shown = {"home": 1, "ours": 3} | {f"junk {number:03}": 1 for number in range(200)}
    lines = [
        event("impression", user_id="u", slate_id=f"{placement} {visit}", placement=placement, rank=1)
        for placement, times in shown.items()
        for visit in range(times)
    ]
    read(tmp_path, *lines)
    settings = TrainingSettings.model_validate({"data": {"dir": tmp_path}, "folder": tmp_path})
    report = traffic_report(settings, since=None, until=None, with_log=False, erased=(), progress=SilentProgress())
    seen = {row.placement: row.impressions for row in report.views["placement"]}
    assert (len(seen), seen["home"], seen["ours"], seen["and 152 others"]) == (51, 1, 3, 152)
    assert sum(seen.values()) == report.views["all"][0].impressions == 204
    assert len(report.views["position"]) == len(report.views["placement_day"]) == 51


def test_everything_an_event_says_arrives(tmp_path: Path) -> None:
    """Rank or position, price times quantity, slate, placement, and the time in UTC."""
    found = read(
        tmp_path,
        event("impression", user_id="u", slate_id="s", placement="home", rank=3),
        event("click", user_id="u", slate_id="s", placement="home", position=4, time="2026-03-01T01:00:01+01:00"),
        event("purchase", user_id="u", price=2.5, quantity=2, order_id="o", time="2026-03-01T00:00:02.5Z"),
    )
    shown, clicked, bought = rows_of(found.traffic)
    assert (shown.rank, shown.time, found.placements) == (3, NIGHT_SECONDS, ("home",))
    assert (clicked.rank, clicked.time, clicked.slate) == (4, NIGHT_SECONDS + 1, shown.slate)
    assert (bought.amount, bought.quantity, bought.time) == (5.0, 2.0, NIGHT_SECONDS + 2)


def test_events_count_once(tmp_path: Path) -> None:
    """A line that was written twice is one event; torn lines, unknown kinds and missing times are left out and told."""
    line = event("click", user_id="u", event_id="e")
    found = read(tmp_path, line, line, "", event("applause"), '{"event":"click"}', "[1]", '{"event":"imp')
    assert len(found.traffic) == 1
    assert any("more than once" in note and ": 1." in note for note in found.notes)
    assert any(note.startswith("4 lines") for note in found.notes)


def test_an_order_in_both_files_counts_once(tmp_path: Path) -> None:
    """The event's line stays, for its shelf; the log says what was paid, and has the orders nobody reported."""
    found = read(
        tmp_path,
        event("purchase", user_id="u", order_id="1", slate_id="s"),
        event("purchase", user_id="u", order_id="2", price=1.0),
        log=f"u,milk,{NIGHT},1,9.5\nu,milk,{NIGHT},2,7.0\nu,tea,{NIGHT},2,3.0\nv,milk,{NIGHT},3,4.0\n",
    )
    assert sorted((name, row.amount, row.slate >= 0) for name, row in named(found)) == [
        ("u", 1.0, False),
        ("u", 3.0, False),
        ("u", 9.5, True),
        ("v", 4.0, False),
    ]
    assert any(note.startswith("2 purchases are in the purchase log and") for note in found.notes)
    elsewhere = read(tmp_path, event("purchase", user_id="u", order_id="1"), log=f"v,milk,{NIGHT},3,4.0\n")
    assert not any("counted once" in note for note in elsewhere.notes), "where there is none, nothing is said"
    without = read(
        tmp_path, event("purchase", user_id="u", order_id="1"), log="v,milk,2026-03-01,3,4\n", with_log=False
    )
    assert [math.isnan(row.amount) for row in rows_of(without.traffic)] == [True]
    assert any("1 of 1 purchases tell no price" in note for note in without.notes)


def test_purchases_without_an_order_are_one_basket_a_day(tmp_path: Path) -> None:
    """Of one visitor; and a note says that the log may double them."""
    found = read(
        tmp_path,
        event("purchase", user_id="u", price=1),
        event("purchase", user_id="u", item_id="tea", price=1, time="2026-03-01T20:00:00Z"),
        event("purchase", user_id="u", price=1, time="2026-03-02T20:00:00Z"),
        event("purchase", user_id="v", price=1),
    )
    assert len({row.order for row in rows_of(found.traffic)}) == 3
    assert any("4 purchases name no order" in note for note in found.notes)


def test_rows_before_the_reach_are_left_out(tmp_path: Path) -> None:
    """What lies too far back cannot matter; the span of the events is that of all."""
    early, late = event("click", user_id="u"), event("click", user_id="u", time="2026-03-09T00:00:00Z")
    found = read(tmp_path, early, late, since=NIGHT_SECONDS + 1)
    assert (len(found.traffic), found.first) == (1, NIGHT_SECONDS)


def test_no_events_are_refused(tmp_path: Path) -> None:
    """The message says where they would be, and how they get there."""
    with pytest.raises(
        EmptyLog, match=r"events: there are no events yet; storefronts report them with POST /v1/events"
    ):
        read(tmp_path, "")


def test_a_time_before_any_shop_moves_no_period(tmp_path: Path) -> None:
    """One odd clock does not make a report begin in year 1."""
    odd = event("click", user_id="u", time="0001-01-01T00:00:00Z")
    found = read(tmp_path, odd, event("click", user_id="u"))
    assert (found.first, len(found.traffic)) == (NIGHT_SECONDS, 1)
    assert found.notes == ("Events that claim to be from before 1990-01-01, left out: 1.",)
    with pytest.raises(EmptyLog, match="before 1990-01-01"):
        read(tmp_path, odd)


def test_order_of_the_files_does_not_matter(tmp_path: Path) -> None:
    """The same lines in any order are the same traffic."""
    lines = [event("click", user_id=user, slate_id=slate) for user in "abc" for slate in "xyz"]
    one, other = read(tmp_path, *lines), read(tmp_path, *reversed(lines))
    assert repr(rows_of(one.traffic)) == repr(rows_of(other.traffic))
    assert one.visitors == other.visitors


def test_lines_of_one_item_in_one_order_share_what_was_paid() -> None:
    """Two events without a price, one line of the log: half of it each."""
    row: dict[str, Any] = {"event": int(Event.PURCHASE), "time": 0, "visitor": "u", "item": "i", "slate": None}
    row |= {"placement": None, "rank": 0, "order": "o", "quantity": 1.0}
    events = pl.DataFrame([{**row, "amount": math.nan}] * 2, schema=NAMED)
    log = pl.DataFrame([{**row, "amount": 6.0}], schema=NAMED)
    both, n_twice = joined(events, log)
    assert (both["amount"].to_list(), n_twice) == ([3.0, 3.0], 1)
