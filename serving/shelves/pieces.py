"""The JSON of a slate in pieces that were written before: an item, its place, its reason.

::

    {"item_id":"milk","title":"Milk",…,"in_stock":true    the item, as it is now
    ,"rank":1,"score":0.9843                              its place
    ,"source":"personal","reason":{"code":"popular",…}}   where it came from

Every slate is written from such pieces, cut from a prepared list or computed; so there is one shape of an answer.
"""

from __future__ import annotations

import functools
from datetime import date, timedelta
from typing import Any

import orjson

from recommender.candidates import ReasonCode, Source
from recommender.request import MAX_LIMIT
from recommender.slate import Placement
from serving.live_catalogue import LiveItem
from serving.stores.packed import STEPS

SCORE_DIGITS = 6


def item_piece(item_id: str, live: LiveItem, *, currency: str) -> bytes:
    """Return the beginning of an item's object."""
    item = live.item
    content = {
        "item_id": item_id,
        "title": item.title,
        "category": item.category,
        "department": item.department,
        "brand": item.brand,
        "price": item.price,
        "currency": currency,
        "url": item.url,
        "image_url": live.picture,
        "in_stock": live.in_stock,
    }
    return b"," + orjson.dumps(content)[:-1]


def place_piece(rank: int, score: float) -> bytes:
    """Return the middle of an item's object."""
    return b',"rank":%d,"score":%b' % (rank, orjson.dumps(round(score, SCORE_DIGITS)))


def reason_piece(
    source: Source,
    code: ReasonCode,
    *,
    item_id: str | None = None,
    item_title: str | None = None,
    due: date | None = None,
) -> bytes:
    """Return the end of an item's object."""
    reason: dict[str, Any] = {"code": code.label, "item_id": item_id, "item_title": item_title, "due_on": due}
    return b',"source":%b,"reason":%b}' % (orjson.dumps(source.label), orjson.dumps(reason))


@functools.cache
def bare_piece(source: int) -> bytes:
    """Return the end of an item's object without its reason."""
    return b',"source":%b,"reason":null}' % orjson.dumps(Source(source).label)


@functools.cache
def stepped_places() -> tuple[tuple[bytes, ...], ...]:
    """Return the middles of an item's object by its place, from 0, and the step of its score."""
    return tuple(
        tuple(place_piece(rank, step / STEPS) for step in range(STEPS + 1)) for rank in range(1, MAX_LIMIT + 1)
    )


def due_pieces(first_day: int) -> list[bytes]:
    """Return the ends for items to buy again, by days from `first_day` (days since 1970)."""
    start = date(1970, 1, 1) + timedelta(first_day)
    return [reason_piece(Source.PERSONAL, ReasonCode.BUY_AGAIN, due=start + timedelta(day)) for day in range(STEPS + 1)]


def slate_body(
    items: bytes,
    *,
    slate_id: bytes,
    user_id: str | None,
    placement: Placement,
    source: int,
    version: bytes,
    created_at: bytes,
    degraded: str | None,
    withheld: str | None = None,
) -> bytes:
    """Return a whole answer; `version` and `created_at` are JSON already, `items` has a comma before each."""
    said = b"false" if degraded is None else b'true,"degraded_reason":"%b"' % degraded.encode()
    if withheld is not None:
        said += b',"withheld":"%b"' % withheld.encode()
    return _BODY % (
        slate_id,
        b"null" if user_id is None else orjson.dumps(user_id),
        _PLACEMENTS[placement],
        _SOURCES[source],
        said,
        version,
        created_at,
        items[1:],
    )


_BODY = (
    b'{"slate_id":"%b","user_id":%b,"placement":"%b","source":"%b","degraded":%b,"model_version":%b,"created_at":%b,'
    b'"items":[%b]}'
)
_PLACEMENTS = {placement: placement.value.encode() for placement in Placement}
_SOURCES = [source.label.encode() for source in Source]
