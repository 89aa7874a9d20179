"""A recipient as a row of CSV and as a line of JSON.

The CSV is for mail tools and for people with a spreadsheet: RFC 4180 (comma, CRLF, quotes doubled), UTF-8, one column
per fact, and every column in every row, empty where there are fewer picks. A cell that a spreadsheet would take for
a formula gets an apostrophe in front (CWE-1236), whoever wrote the title. The JSON line is the exact form: nested,
numbers as numbers, and nothing changed.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence

from serving.campaigns.recipients import Pick, Recipient
from serving.campaigns.wording import price_words

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet compute a cell instead of showing it; the last four are the full-width forms."""

USER_COLUMNS = ("user_id", "segment", "recency_days", "frequency", "monetary")
PICK_COLUMNS = ("id", "title", "url", "image", "price", "reason")


def header(slots: int) -> list[str]:
    """Return the names of the columns.

    >>> header(1)[5:]
    ['rec_1_id', 'rec_1_title', 'rec_1_url', 'rec_1_image', 'rec_1_price', 'rec_1_reason', 'slate_id']
    """
    picks = [f"rec_{slot}_{name}" for slot in range(1, slots + 1) for name in PICK_COLUMNS]
    return [*USER_COLUMNS, *picks, "slate_id"]


def cells(recipient: Recipient, *, slots: int, currency: str) -> list[str]:
    """Return one cell per column of `header`."""
    picks = [cell for pick in recipient.picks[:slots] for cell in _pick_cells(pick, currency)]
    empty = [""] * (slots * len(PICK_COLUMNS) - len(picks))
    return [
        harmless(recipient.user_id),
        recipient.segment,
        "" if recipient.recency_days is None else str(recipient.recency_days),
        str(recipient.frequency),
        price_words(recipient.monetary, currency),
        *picks,
        *empty,
        harmless(recipient.slate_id),
    ]


def harmless(cell: str) -> str:
    """Return `cell` so that a spreadsheet shows it instead of computing it.

    >>> harmless("=1+1"), harmless("tea")
    ("'=1+1", 'tea')
    """
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA_STARTS) else cell


def csv_line(row: Sequence[str]) -> bytes:
    """Encode one row, with its line end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(row)
    return line.getvalue().encode()


def json_line(recipient: Recipient) -> bytes:
    """Encode one recipient, with its line end; there is a group only for those who take part in an experiment."""
    content = dataclasses.asdict(recipient)
    if recipient.group is None:
        del content["group"]
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _pick_cells(pick: Pick, currency: str) -> list[str]:
    texts = (pick.item_id, pick.title, pick.url, pick.image_url)
    return [
        *(harmless(text) for text in texts),
        price_words(pick.price, currency),
        harmless(pick.reason_words),
    ]
