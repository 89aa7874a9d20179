"""Rows of the mailing file."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.candidates import NO_ANCHOR, ReasonCode, Source
from recommender.loyalty.rfm import Segment
from serving.campaigns import rows as module
from serving.campaigns.rows import FORMULA_STARTS, CsvRows, JsonLines, csv_line, harmless, header
from serving.campaigns.snapshot import NO_DAY, PICK, SNAPSHOT_FILE, RecipientRow, SentItem, Snapshot
from serving.campaigns.snapshot_writing import written_snapshot

TEA = SentItem("a:b/c%d e", 'Tea, "green"', "https://shop.example/tea", "", "", "", 3.5)
AGAIN = PICK.pack(0, Source.PERSONAL << 4 | ReasonCode.BUY_AGAIN, NO_ANCHOR, NO_DAY)


class Two:
    """Links that can be read."""

    def click(self, number: int, slot: int) -> str:
        return f"https://reco.example/l/{number},{slot}"

    def image(self, number: int, slot: int) -> str:
        return f"https://reco.example/i/{number}-{slot}.png"


def snapshot_of(folder: Path, *, slots: int, **meta: Any) -> Snapshot:
    """A send of which the tests give the rows."""
    path = folder / SNAPSHOT_FILE
    with written_snapshot(path) as writer:
        facts = {"campaign": "c", "send_id": "s", "as_of": "2024-01-01T00:00:00Z", "currency": "EUR"}
        writer.tell({**facts, "slots": slots, **meta})
        writer.describe([(0, TEA)])
    return Snapshot.open(path)


def row(n_picks: int = 1, *, user_id: str = "空", recency_days: int | None = 12) -> RecipientRow:
    """A recipient with the same pick in some slots."""
    expected = (0.875, 19_000, 18_998, None)
    return RecipientRow(
        0, user_id, Segment.AT_RISK, recency_days, 3, 40.5, *expected, "=5%", None, True, AGAIN * n_picks
    )


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_csv_reads_back(row: list[str]) -> None:
    """Whatever the cells hold, a CSV reader returns them, and a row is one record that ends in CRLF."""
    line = csv_line(row)
    assert line.endswith(b"\r\n")
    assert list(csv.reader(io.StringIO(line.decode(), newline=""))) == [row]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cell_is_what_the_csv_module_writes(text: str) -> None:
    """Cells written one by one read back as those of the csv module do."""
    cell = module._cell(text) + b",\r\n"
    assert list(csv.reader(io.StringIO(cell.decode(), newline=""))) == [[harmless(text), ""]]


@given(st.text())
def test_no_cell_is_a_formula(text: str) -> None:
    """No cell begins like a formula, with or without spaces before it, and every other cell is unchanged."""
    cell = harmless(text)
    assert not cell.lstrip(" ").startswith(FORMULA_STARTS)
    assert cell.removeprefix("'") == text or cell == text


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1"])
def test_formula_is_disarmed(hostile: str) -> None:
    """What a spreadsheet would compute gets an apostrophe in front."""
    assert harmless(hostile) == f"'{hostile}"


@pytest.mark.parametrize("n_picks", [0, 1, 2])
def test_every_slot_is_written(tmp_path: Path, n_picks: int) -> None:
    """A row has the header's columns however many picks there are; missing ones are empty."""
    with snapshot_of(tmp_path, slots=2) as snapshot:
        rows = CsvRows(snapshot, Two())
        named = next(csv.DictReader(io.StringIO((rows.header() + rows.line(row(n_picks))).decode(), newline="")))
    assert len(named) == len(header(2)) == len(set(header(2)))
    for slot in (1, 2):
        filled = {name for name, cell in named.items() if name.startswith(f"rec_{slot}_") and cell}
        assert bool(filled) == (n_picks >= slot)


def test_row_golden(tmp_path: Path) -> None:
    """The wire format of one row, with links and without."""
    with snapshot_of(tmp_path, slots=1) as snapshot:
        plain, linked = CsvRows(snapshot, None), CsvRows(snapshot, Two())
        assert plain.header().decode() == (
            "user_id,segment,recency_days,frequency,monetary,"
            "alive,next_order_date,next_order_from,next_order_until,coupon_tier,"
            "rec_1_id,rec_1_title,rec_1_url,rec_1_image,rec_1_price,rec_1_reason,rec_1_click,rec_1_open_image,slate_id\r\n"
        )
        start = "空,at risk,12,3,40.50,0.875,2022-01-08,2022-01-06,,'=5%,"
        pick = 'a:b/c%d e,"Tea, ""green""",https://shop.example/tea,,3.50,Time to buy it again,'
        assert plain.line(row()).decode() == f"{start}{pick},,c.s.0\r\n"
        links = '"https://reco.example/l/0,0",https://reco.example/i/0-0.png'
        assert linked.line(row()).decode() == f"{start}{pick}{links},c.s.0\r\n"


def test_json_line_is_exact(tmp_path: Path) -> None:
    """The JSON line holds numbers as numbers and text unchanged, a formula and an unknown recency too."""
    with snapshot_of(tmp_path, slots=1) as snapshot:
        line = JsonLines(snapshot, Two()).line(row(user_id="=1+1", recency_days=None))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    content = json.loads(line)
    assert (content["user_id"], content["recency_days"], content["next_order_date"]) == ("=1+1", None, "2022-01-08")
    assert (content["alive"], content["next_order_from"], content["next_order_until"]) == (0.875, "2022-01-06", None)
    (pick,) = content["picks"]
    assert (pick["price"], pick["click_url"]) == (3.5, "https://reco.example/l/0,0")


def test_words_that_were_forgotten_are_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few picks are kept in words, lines are the same."""
    with snapshot_of(tmp_path, slots=2) as snapshot:
        usual = CsvRows(snapshot, None).line(row(2))
        monkeypatch.setattr(module, "MAX_KEPT", 0)
        assert CsvRows(snapshot, None).line(row(2)) == usual
