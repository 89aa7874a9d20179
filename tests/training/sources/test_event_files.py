"""What the storefront reported, each event once."""

import json
from pathlib import Path
from typing import Any

from recommender.events import Event
from training.settings import CleaningSettings
from training.sources.event_files import REPEATED, find_event_files, read_event_files
from training.sources.log import LogRows


def event(number: int, **changes: Any) -> dict[str, Any]:
    """A purchase as serving writes it."""
    content = {
        "event_id": f"e{number}",
        "slate_id": "s1",
        "user_id": "a:b/c%d 空",
        "item_id": "007",
        "event": "purchase",
        "quantity": 2,
        "price": 1.5,
        "order_id": "o1",
        "time": "2024-01-01T10:00:00.123456+00:00",
    }
    return content | changes


def read(folder: Path, *files: list[dict[str, Any]]) -> LogRows:
    """Write each list as a file and read them all."""
    for number, events in enumerate(files):
        text = "".join(json.dumps(content, ensure_ascii=False) + "\n" for content in events)
        (folder / f"2024-01-0{number + 1}.jsonl").write_text(text, encoding="utf-8")
    return read_event_files(find_event_files(folder), CleaningSettings())


def test_purchase_is_understood(tmp_path: Path) -> None:
    """Ids stay text, price times quantity is the amount, the time is UTC."""
    (row,) = read(tmp_path, [event(1)]).rows.rows(named=True)
    assert (row["user"], row["item"], row["order"]) == ("a:b/c%d 空", "007", "o1")
    assert (row["event"], row["quantity"], row["amount"]) == (Event.PURCHASE, 2.0, 3.0)
    assert row["time"] == 1704103200


def test_event_counts_once_wherever_it_turns_up(tmp_path: Path) -> None:
    """A client that sends again, and a file that overlaps another, change nothing."""
    log = read(tmp_path, [event(1), event(2), event(1)], [event(2), event(3, event="click", price=None)])
    assert sorted(log.rows["event_id"].to_list()) == ["e1", "e2", "e3"]
    assert log.unused[REPEATED] == 2
    assert log.n_read == 5


def test_optional_keys_may_be_absent(tmp_path: Path) -> None:
    """A guest's click has neither user nor order nor price."""
    log = read(tmp_path, [{"event_id": "e1", "item_id": "tea", "event": "click", "time": "2024-01-01T00:00:00Z"}])
    (row,) = log.rows.rows(named=True)
    assert (row["user"], row["order"], row["quantity"], row["amount"]) == (None, None, 1.0, None)


def test_one_bad_event_does_not_stop_training(tmp_path: Path) -> None:
    """A file whose only event makes no sense is quarantined like any other row."""
    log = read(tmp_path, [event(1, time="soon")])
    assert log.rows.is_empty()
    assert log.refused.height == 1


def test_no_events_are_no_problem(tmp_path: Path) -> None:
    """A shop whose API has not run yet has no folder, or an empty one."""
    assert find_event_files(tmp_path / "none") == []
    assert read(tmp_path).n_read == 0
    assert read(tmp_path, []).n_read == 0


def test_half_written_events_do_not_stop_training(tmp_path: Path) -> None:
    """A file whose lines lack the time or even the event is quarantined, and nothing in it counts as a purchase."""
    good = event(1)
    without_time = {name: value for name, value in good.items() if name != "time"}
    without_event = {name: value for name, value in good.items() if name != "event"}
    log = read(tmp_path, [without_time], [without_event, {}])
    assert log.rows.is_empty()
    assert log.refused.height == log.n_read == 3
