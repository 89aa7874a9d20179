"""Lines of lists that name somebody go, in whichever way they are written; those of others stay."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from recommender.leftovers import UNFINISHED, scratch_folder
from regulars.forgetting.files_part import forget_in_quarantine, forget_leftovers
from serving.events.redaction import Guests
from tests.recommender.test_leftovers import aged

USER = '空 "b'


@pytest.mark.parametrize(
    "line",
    [
        '{"event":"click","user_id":"空 \\"b","item_id":1}',
        '{"event":"click","user_id":"\\u7a7a \\u0022b"',
        '{"event":"click","user_id":"空 \\"b',
        '{"event":"cli"ck","user_id":"\\u7A7A \\"b"}',
    ],
)
def test_lines_that_could_not_be_read(tmp_path: Path, line: str) -> None:
    """A quarantined line goes whether its id is escaped or not, and if it was torn right behind it."""
    other = '{"event":"click","user_id":"空","item_id":1}'
    path = tmp_path / "purchases.csv"
    pl.DataFrame({"file": ["a", "a"], "line": [1, 2], "reason": ["x", "x"], "text": [line, other]}).write_csv(path)
    (place,) = forget_in_quarantine(tmp_path, [USER], Guests(), column="who")
    assert place.rows == 1
    assert pl.read_csv(path)["text"].to_list() == [other]


def test_guests_that_they_were(tmp_path: Path) -> None:
    """Rows of the guest go as the guest's events do: those of who used the browser at the time, and torn lines."""
    guests = Guests()
    guests.add("g-1", "2024-01-01T00:00:00", USER)
    guests.add("g-1", "2024-02-01T00:00:00", "another")
    guests.add("g-2", "2024-01-01T00:00:00", "another")
    rows = [
        ("g-1", "", "2024-01-15T10:00:00Z", ""),
        ("g-1", "", "2024-03-01T10:00:00Z", ""),
        ("g-1", "another", "2024-01-15T10:00:00Z", ""),
        ("g-2", "", "2024-01-15T10:00:00Z", ""),
        ("", "", "2024-01-15T10:00:00Z", ""),
        ("", "", "", '{"event":"click","anonymous_id":"g-1"'),
        ("", "", "", '{"event":"click","anonymous_id":"g-2"'),
    ]
    path = tmp_path / "purchases.csv"
    table = pl.DataFrame(rows, schema=["anonymous_id", "user_id", "time", "text"], orient="row")
    table.with_row_index("line").write_csv(path)
    (place,) = forget_in_quarantine(tmp_path, [USER], guests, column="who")
    assert place.rows == 2
    assert pl.read_csv(path)["line"].to_list() == [1, 2, 3, 4, 6]
    (again,) = forget_in_quarantine(tmp_path, [USER], guests, column="who")
    assert again.rows == 0


def test_what_killed_programs_left(tmp_path: Path) -> None:
    """Unfinished versions, figures, tables, rows and events go, whoever they hold; what is being written stays."""
    names = (
        "reports/.20240101.users.npz.tmp",
        "reports/tables/.customers.parquet.tmp",
        "quarantine/purchases.csv.tmp",
        "events/.events-2024-01-01.jsonl.tmp",
        ".personalization.txt.tmp",
    )
    for name in (*names, "reports/kept.html", "events/events-2024-01-01.jsonl", f"artifacts/{UNFINISHED}x/a.npy"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("17", encoding="utf-8")
    assert forget_leftovers(tmp_path) == ([], []), "nothing is old enough"
    for folder in tmp_path.iterdir():
        aged(folder, 3600)
    with scratch_folder(tmp_path / "artifacts") as held:
        erased, pending = forget_leftovers(tmp_path)
        assert held.exists()
    gone = [str(tmp_path / name) for name in (f"artifacts/{UNFINISHED}x", *names)]
    assert (sorted(place.where for place in erased), pending) == (sorted(gone), [])
    assert not [path for path in gone if Path(path).exists()]
    assert (tmp_path / "reports/kept.html").exists()
    assert (tmp_path / "events/events-2024-01-01.jsonl").exists()
