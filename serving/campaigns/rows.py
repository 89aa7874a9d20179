"""A recipient as a row of CSV and as a line of JSON.

The CSV is for mail tools and for people with a spreadsheet: RFC 4180 (comma, CRLF, quotes doubled), UTF-8, one column
per fact, and every column in every row, empty where there are fewer picks. A cell that a spreadsheet would take for
a formula gets an apostrophe in front (CWE-1236), whoever wrote the title. The JSON line is the exact form: nested,
numbers as numbers, and nothing changed.

What is written of a pick is the same for everybody who got it, so it is written once and kept.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, Protocol

import orjson

from recommender.loyalty.rfm import Segment
from recommender.slate import Reason
from serving.campaigns.snapshot import PICK, RecipientRow, SentPick, Snapshot, known_day, slate_id_of
from serving.campaigns.wording import price_words, reason_words

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet compute a cell instead of showing it; the last four are the full-width forms."""

USER_COLUMNS = (
    *("user_id", "segment", "recency_days", "frequency", "monetary"),
    *("alive", "next_order_date", "next_order_from", "next_order_until", "coupon_tier"),
)
PICK_COLUMNS = ("id", "title", "url", "image", "price", "reason")
LINK_COLUMNS = ("click", "open_image")
MAX_KEPT = 200_000
"""Picks whose words are kept, some 100 MB at most; beyond, all are written anew."""

_LABELS = [segment.label for segment in Segment]
_SPECIAL = re.compile(r'[,"\r\n]')


class Links(Protocol):
    """The addresses that the mail of one send carries."""

    def click(self, number: int, slot: int) -> str:
        """Return the address to follow; recipients and slots are counted from 0."""
        ...

    def image(self, number: int, slot: int) -> str:
        """Return the address of the picture."""
        ...


class Fragments:
    """What is written of each pick, kept by its bytes.

    Parameters
    ----------
    snapshot
        Says what the numbers in a pick stand for.
    write
        Writes one.
    """

    def __init__(self, snapshot: Snapshot, write: Callable[[SentPick], bytes]) -> None:
        self._snapshot = snapshot
        self._write = write
        self._kept: dict[bytes, bytes] = {}

    def of(self, picks: bytes) -> Iterator[bytes]:
        """Yield what is written of the picks of a row."""
        for at in range(0, len(picks), PICK.size):
            pick = picks[at : at + PICK.size]
            if (known := self._kept.get(pick)) is None:
                if len(self._kept) >= MAX_KEPT:
                    self._kept.clear()
                known = self._kept[pick] = self._write(self._snapshot.pick(*PICK.unpack(pick)))
            yield known


class CsvRows:
    """Rows of ``recipients.csv``."""

    def __init__(self, snapshot: Snapshot, links: Links | None) -> None:
        self._snapshot = snapshot
        self._links = links
        self._currency = snapshot.currency
        self._today = sent_on(snapshot)
        self._picks = Fragments(snapshot, self._written)

    def header(self) -> bytes:
        """Return the line of names."""
        return csv_line(header(self._snapshot.slots))

    def line(self, row: RecipientRow) -> bytes:
        """Return the line of a recipient."""
        cells = [
            _cell(row.user_id),
            _LABELS[row.segment].encode(),
            b"" if row.recency_days is None else b"%d" % row.recency_days,
            b"%d" % row.frequency,
            price_words(row.monetary, self._currency).encode(),
            b"" if row.alive is None else b"%.3f" % row.alive,
            *map(_day, (row.next_order, row.next_order_from, row.next_order_until)),
            _cell(row.tier),
        ]
        filled = 0
        for slot, written in enumerate(self._picks.of(row.picks)):
            cells += (written, *self._linked(row.number, slot))
            filled += 1
        empty = (self._snapshot.slots - filled) * (len(PICK_COLUMNS) + len(LINK_COLUMNS))
        cells += [b""] * empty
        cells.append(slate_id_of(self._snapshot.campaign, self._snapshot.send_id, row.number).encode())
        return b",".join(cells) + b"\r\n"

    def _linked(self, number: int, slot: int) -> tuple[bytes, bytes]:
        if self._links is None:
            return b"", b""
        return _cell(self._links.click(number, slot)), _cell(self._links.image(number, slot))

    def _written(self, pick: SentPick) -> bytes:
        item = pick.item
        words = said(pick, today=self._today)
        texts = (item.item_id, item.title, item.url, item.image_url, price_words(item.price, self._currency), words)
        return b",".join(map(_cell, texts))


class JsonLines:
    """Lines of ``recipients.jsonl``; there is a group only for those who take part in an experiment."""

    def __init__(self, snapshot: Snapshot, links: Links | None) -> None:
        self._snapshot = snapshot
        self._links = links
        self._today = sent_on(snapshot)
        self._picks = Fragments(snapshot, self._written)

    def header(self) -> bytes:
        """Return nothing: a line says what it holds."""
        return b""

    def line(self, row: RecipientRow) -> bytes:
        """Return the line of a recipient."""
        content: dict[str, Any] = {
            "user_id": row.user_id,
            "segment": _LABELS[row.segment],
            "recency_days": row.recency_days,
            "frequency": row.frequency,
            "monetary": row.monetary,
            "alive": row.alive,
            "next_order_date": known_day(row.next_order),
            "next_order_from": known_day(row.next_order_from),
            "next_order_until": known_day(row.next_order_until),
            "coupon_tier": row.tier or None,
            "personal": bool(row.personal),
            "slate_id": slate_id_of(self._snapshot.campaign, self._snapshot.send_id, row.number),
        }
        if row.grouped is not None:
            content["group"] = dict(zip(("experiment", "variant"), row.grouped.split("/", 1), strict=True))
        picks = [written + self._linked(row.number, slot) for slot, written in enumerate(self._picks.of(row.picks))]
        return b'%b,"picks":[%b]}\n' % (orjson.dumps(content)[:-1], b",".join(picks))

    def _linked(self, number: int, slot: int) -> bytes:
        if self._links is None:
            return b"}"
        addresses = orjson.dumps(self._links.click(number, slot)), orjson.dumps(self._links.image(number, slot))
        return b',"click_url":%b,"open_image_url":%b}' % addresses

    def _written(self, pick: SentPick) -> bytes:
        return orjson.dumps(pick_values(pick, today=self._today))[:-1]


def header(slots: int) -> list[str]:
    """Return the names of the columns.

    >>> header(1)[10:13]
    ['rec_1_id', 'rec_1_title', 'rec_1_url']
    """
    picks = [f"rec_{slot}_{name}" for slot in range(1, slots + 1) for name in (*PICK_COLUMNS, *LINK_COLUMNS)]
    return [*USER_COLUMNS, *picks, "slate_id"]


def pick_values(pick: SentPick, *, today: date) -> dict[str, Any]:
    """Return a pick as plain values."""
    return {
        "item_id": pick.item.item_id,
        "title": pick.item.title,
        "url": pick.item.url,
        "image_url": pick.item.image_url,
        "price": pick.item.price,
        "source": pick.source.label,
        "reason": pick.reason.label,
        "reason_words": said(pick, today=today),
        "reason_item_id": None if pick.rests_on is None else pick.rests_on.item_id,
        "due_on": None if pick.due_on is None else pick.due_on.isoformat(),
    }


def said(pick: SentPick, *, today: date) -> str:
    """Return why an item is offered, in words."""
    rests_on = pick.rests_on
    reason = Reason(pick.reason, None if rests_on is None else rests_on.item_id, pick.due_on)
    return reason_words(reason, title_of=lambda _: "" if rests_on is None else rests_on.title, today=today)


def sent_on(snapshot: Snapshot) -> date:
    """Return the day of a send."""
    return date.fromisoformat(snapshot.sent_at[:10])


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


def _day(day: int | None) -> bytes:
    """Return the cell of a day that is counted from 1970."""
    known = known_day(day)
    return b"" if known is None else known.isoformat().encode()


def _cell(text: str) -> bytes:
    """Return one cell, harmless and in quotes where it needs them."""
    text = harmless(text)
    if _SPECIAL.search(text):
        return b'"%b"' % text.replace('"', '""').encode()
    return text.encode()
