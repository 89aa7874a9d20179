"""Guests who turned out to be users."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from recommender.events import Event
from tests.training.sources.test_event_files import event, read
from training.sources.event_files import JOINED, SPOOL, find_event_files


def guests(number: int, time: str, *, guest: str = "b 1/空", **changes: Any) -> dict[str, Any]:
    """A purchase of a guest."""
    content = event(number, anonymous_id=guest, time=f"2024-01-{time}", **changes)
    return {name: value for name, value in content.items() if name != "user_id"}


def merge(user: str, time: str, *, guest: str = "b 1/空") -> dict[str, Any]:
    """A line that serving writes when a guest signs in."""
    return {"event": "merge", "event_id": f"merge-{user}", "anonymous_id": guest, "user_id": user,
            "time": f"2024-01-{time}"}  # fmt: skip


def users(folder: Path, *files: list[dict[str, Any]]) -> dict[str, str | None]:
    """Whose each event is."""
    rows = read(folder, *files).rows
    return dict(zip(rows["event_id"].to_list(), rows["user"].to_list(), strict=True))


LINES = [
    guests(1, "01T10:00:00Z"),
    merge("ann", "02T10:00:00Z"),
    guests(2, "03T10:00:00Z"),
    merge("bob", "04T10:00:00Z"),
    guests(3, "05T10:00:00Z"),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(LINES)), 5))[::17])
def test_events_belong_to_who_signed_in_last(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Before anybody did, to who signed in first; whatever the order of the lines, and in however many files."""
    lines = [LINES[number] for number in order]
    expected = {"e1": "ann", "e2": "ann", "e3": "bob"}
    assert users(tmp_path, lines) == expected
    assert users(tmp_path, lines[:2], [*lines[2:], *lines[:1]]) == expected


def test_others_stay_who_they_are(tmp_path: Path) -> None:
    """Another guest, a user's event from the same browser, and merges that say nothing."""
    lines = [
        guests(1, "01T10:00:00Z", guest="other"),
        event(2, anonymous_id="b 1/空", user_id="cat"),
        merge("ann", "soon", guest="other"),
        merge("ann", "02T10:00:00Z"),
        guests(3, "05T10:00:00Z"),
    ]
    assert users(tmp_path, lines) == {"e1": None, "e2": "cat", "e3": "ann"}


def test_every_line_is_accounted_for(tmp_path: Path) -> None:
    """Merges are counted apart, and are no events that make no sense."""
    log = read(tmp_path, LINES)
    assert (log.n_read, log.unused[JOINED], log.refused.height) == (5, 2, 0)


def test_a_good_rating_counts_as_a_click_and_others_do_not(tmp_path: Path) -> None:
    """As on the next slate: 4 and 5 say yes, what is below says nothing to a training."""
    log = read(tmp_path, [event(stars, event="rating", rating=stars) for stars in (1, 3, 4, 5)])
    assert dict(zip(log.rows["event_id"].to_list(), log.rows["event"].to_list(), strict=True)) == {
        "e4": Event.CLICK,
        "e5": Event.CLICK,
    }
    assert log.unused["rating events are not learned from"] == 2


def test_files_at_work_are_left_alone(tmp_path: Path) -> None:
    """What serving is about to move elsewhere may vanish at any moment."""
    (tmp_path / f"{SPOOL}1-a.jsonl").write_text("{}\n")
    assert find_event_files(tmp_path) == []
