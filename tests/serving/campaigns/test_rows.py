"""Rows of the mailing file."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.campaigns.recipients import Pick, Recipient
from serving.campaigns.rows import FORMULA_STARTS, cells, csv_line, harmless, header, json_line

PICK = Pick(
    item_id="a:b/c%d e",
    title='Tea, "green"',
    url="https://shop.example/tea",
    image_url="",
    price=3.5,
    source="personal",
    reason="buy_again",
    reason_words="Time to buy it again",
)


def recipient(*picks: Pick, user_id: str = "空", recency_days: int | None = 12) -> Recipient:
    """A recipient with the given picks."""
    return Recipient(user_id, "at risk", recency_days, 3, 40.5, "at_risk-20240101-v-0", picks)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_csv_reads_back(row: list[str]) -> None:
    """Whatever the cells hold, a CSV reader returns them, and a row is one record that ends in CRLF."""
    line = csv_line(row)
    assert line.endswith(b"\r\n")
    assert list(csv.reader(io.StringIO(line.decode(), newline=""))) == [row]


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


@pytest.mark.parametrize("n_picks", [0, 1, 2, 3])
def test_every_slot_is_written(n_picks: int) -> None:
    """A row has the header's columns however many picks there are; missing ones are empty, surplus ones left out."""
    row = cells(recipient(*[PICK] * n_picks), slots=2, currency="EUR")
    assert len(row) == len(header(2)) == len(set(header(2)))
    named = dict(zip(header(2), row, strict=True))
    assert (named["rec_1_id"] != "") == (n_picks >= 1)
    assert (named["rec_2_id"] != "") == (n_picks >= 2)


def test_row_golden() -> None:
    """The wire format of one row."""
    assert csv_line(header(1)).decode() == (
        "user_id,segment,recency_days,frequency,monetary,"
        "rec_1_id,rec_1_title,rec_1_url,rec_1_image,rec_1_price,rec_1_reason,slate_id\r\n"
    )
    assert csv_line(cells(recipient(PICK), slots=1, currency="EUR")).decode() == (
        '空,at risk,12,3,40.50,a:b/c%d e,"Tea, ""green""",https://shop.example/tea,,3.50,'
        "Time to buy it again,at_risk-20240101-v-0\r\n"
    )


def test_json_line_is_exact() -> None:
    """The JSON line holds numbers as numbers and text unchanged, a formula and an unknown recency too."""
    line = json_line(recipient(PICK, user_id="=1+1", recency_days=None))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    content = json.loads(line)
    assert content["user_id"] == "=1+1"
    assert content["recency_days"] is None
    assert content["picks"][0]["price"] == 3.5
