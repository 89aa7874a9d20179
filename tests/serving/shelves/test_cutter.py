"""A shelf cut from a record is the one the engine would make of the same list."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.engine import Engine
from recommender.errors import InvalidInput
from recommender.purpose import STORED, Purpose
from recommender.request import SlateRequest
from recommender.slate import Placement
from serving.clock import WallClock
from serving.live_catalogue import LiveCatalogue
from serving.shelves.cutter import Cut, Cutter
from serving.shelves.ready import Ready
from serving.shelves.recorder import Recorder
from serving.stores.memory import MemoryItems
from serving.stores.packed import FORMAT, HEADER
from tests.models import hostile_model, shop_model
from tests.planted import item_id, user_id
from tests.records import sealed

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@functools.cache
def engine() -> Engine:
    return Engine(shop_model(), version="v")


@functools.cache
def record_of(user: str) -> bytes:
    return Recorder(engine()).record(user, now=engine().model.as_of)


def cutter(catalogue: LiveCatalogue | None = None) -> Cutter:
    return Cutter(engine(), catalogue or LiveCatalogue(MemoryItems()), currency="EUR")


def items_of(cut: Cut | None) -> list[dict[str, Any]]:
    assert cut is not None
    found: list[dict[str, Any]] = orjson.loads(b"[" + cut.items[1:] + b"]")
    return found


@pytest.mark.parametrize("purpose", STORED)
@pytest.mark.parametrize("limit", [1, 4, 8])
@pytest.mark.parametrize("number", [0, 3, 50, 199])
def test_it_is_what_the_engine_would_show(number: int, limit: int, purpose: Purpose) -> None:
    """Same items, order, sources and reasons as a slate of the same user, for shelves of usual length."""
    model, history = engine().model, engine().history(user_id(number))
    request = SlateRequest(placement=Placement.HOME, limit=limit, history=history, new_only=purpose is Purpose.NEW)
    slate = engine().recommend(request, now=model.as_of, slate_id="s", created_at=WallClock().wall())
    found = items_of(cutter().cut(record_of(user_id(number)), purpose, limit=limit))
    assert [
        (item["item_id"], item["rank"], item["source"], item["reason"]["code"], item["reason"]["item_id"])
        for item in found
    ] == [
        (item.item_id, item.rank, item.source.label, item.reason.code.label, item.reason.item_id)
        for item in slate.items
    ]
    assert [item["reason"]["due_on"] for item in found] == [
        None if item.reason.due_on is None else item.reason.due_on.isoformat() for item in slate.items
    ]


async def test_what_is_sold_out_leaves_and_comes_back() -> None:
    """A stock change counts with the next cut, and the shelf stays full."""
    catalogue = LiveCatalogue(MemoryItems())
    cutting, record = cutter(catalogue), record_of(user_id(3))
    before = items_of(cutting.cut(record, Purpose.ALL, limit=5))
    gone = before[1]["item_id"]
    await catalogue.put({gone: {"stock": 0}})
    after = items_of(cutting.cut(record, Purpose.ALL, limit=5))
    assert gone not in [item["item_id"] for item in after]
    assert [item["rank"] for item in after] == [1, 2, 3, 4, 5]
    assert all(item["in_stock"] for item in after)
    await catalogue.put({gone: {"stock": 3}})
    assert items_of(cutting.cut(record, Purpose.ALL, limit=5)) == before


async def test_a_new_title_is_shown_in_items_and_in_reasons() -> None:
    """What was written before is written anew."""
    catalogue = LiveCatalogue(MemoryItems())
    cutting = cutter(catalogue)
    shelves = (
        (record_of(user_id(n)), items_of(cutting.cut(record_of(user_id(n)), Purpose.NEW, limit=8))) for n in range(200)
    )
    record, item = next((record, item) for record, shelf in shelves for item in shelf if item["reason"]["item_id"])
    anchor = item["reason"]["item_id"]
    await catalogue.put({item["item_id"]: {"title": "New name"}, anchor: {"title": "Its reason"}})
    again = items_of(cutting.cut(record, Purpose.NEW, limit=8))[item["rank"] - 1]
    assert (again["title"], again["reason"]["item_title"]) == ("New name", "Its reason")


def test_barred_items_are_left_out() -> None:
    """Places move up, as for what is sold out."""
    model = engine().model
    before = items_of(cutter().cut(record_of(user_id(3)), Purpose.ALL, limit=5))
    barred = frozenset({model.items.index(before[0]["item_id"])})
    after = items_of(cutter().cut(record_of(user_id(3)), Purpose.ALL, limit=4, barred=barred))
    assert [item["item_id"] for item in after] == [item["item_id"] for item in before[1:]]


def test_a_list_too_short_is_no_shelf() -> None:
    """None: the engine knows more."""
    everything = frozenset(range(len(engine().model.items)))
    assert cutter().cut(record_of(user_id(3)), Purpose.ALL, limit=101) is None
    assert cutter().cut(record_of(user_id(3)), Purpose.ALL, limit=1, barred=everything) is None


def test_reasons_can_be_left_out() -> None:
    """Null, and the sources stay."""
    found = items_of(cutter().cut(record_of(user_id(3)), Purpose.ALL, limit=5, reasons=False))
    assert [item["reason"] for item in found] == [None] * 5
    assert {item["source"] for item in found} == {"personal"}


@given(st.binary(max_size=80), st.sampled_from(STORED), st.integers(1, 20))
def test_noise_never_crashes(noise: bytes, purpose: Purpose, limit: int) -> None:
    """Whatever lies in the store: a shelf of items that exist, none, or InvalidInput."""
    for record in (noise, sealed(bytes([FORMAT]) + noise + bytes(4))):
        try:
            cut = cutter().cut(record, purpose, limit=limit)
        except InvalidInput:
            continue
        assert cut is None or len(items_of(cut)) == limit


@given(st.integers(1, 500), st.integers(0, 255), st.integers(1, 12))
def test_a_wrong_byte_never_crashes(place: int, value: int, limit: int) -> None:
    """Numbers that no item has are refused, and nothing else is raised; even if the checksum happens to fit."""
    damaged = bytearray(record_of(user_id(7)))
    damaged[place % len(damaged)] = value
    try:
        cut = cutter().cut(sealed(bytes(damaged)), Purpose.ALL, limit=limit)
    except InvalidInput:
        return
    assert cut is None or len(items_of(cut)) == limit


def test_a_record_that_names_an_item_twice_by_mistake_is_refused() -> None:
    """One number became another's: the shelf would look right, with one item in two places."""
    damaged = bytearray(record_of(user_id(7)))
    damaged[HEADER + 2 : HEADER + 4] = damaged[HEADER : HEADER + 2]
    with pytest.raises(InvalidInput, match="not as it was written"):
        cutter().cut(bytes(damaged), Purpose.ALL, limit=4)


def test_lists_for_everybody_are_there_from_the_start() -> None:
    """What is popular needs no engine when it is asked for; a product page is computed once."""
    ready = Ready(engine(), LiveCatalogue(MemoryItems()), currency="EUR")
    popular = ready.offer(Placement.HOME, None)
    assert popular is not None
    assert len(items_of(ready.cutter.cut(popular, STORED[0], limit=10))) == 10
    item = engine().model.items.index(item_id(4))
    assert ready.offer(Placement.PRODUCT, item) is None
    record = ready.prepare(Placement.PRODUCT, item)
    assert ready.offer(Placement.PRODUCT, item) == record
    shown = items_of(ready.cutter.cut(record, STORED[0], limit=10))
    assert item_id(4) not in [found["item_id"] for found in shown]


@pytest.mark.parametrize("placement", [Placement.PRODUCT, Placement.TRENDING, Placement.BESTSELLERS, Placement.HOME])
def test_an_offer_is_what_a_stranger_would_get(placement: Placement) -> None:
    """The list for everybody begins with the engine's slate for nobody."""
    ready = Ready(engine(), LiveCatalogue(MemoryItems()), currency="EUR")
    context = (5,) if placement is Placement.PRODUCT else ()
    record = ready.prepare(placement, context[0] if context else None)
    now = np.datetime64(engine().model.as_of.astype("datetime64[s]"))
    request = SlateRequest(placement=placement, limit=10, context=context)
    slate = engine().recommend(request, now=now, slate_id="s", created_at=WallClock().wall())
    found = items_of(ready.cutter.cut(record, STORED[0], limit=10))
    assert [item["item_id"] for item in found] == [item.item_id for item in slate.items]


def test_hostile_ids_survive() -> None:
    """Ids are JSON, whatever they hold."""
    hostile = Engine(hostile_model(), version="h")
    ready = Ready(hostile, LiveCatalogue(MemoryItems()), currency="EUR")
    record = ready.offer(Placement.BESTSELLERS, None)
    assert record is not None
    found = items_of(ready.cutter.cut(record, STORED[0], limit=3))
    assert all(item["item_id"] in hostile.model.items for item in found)
