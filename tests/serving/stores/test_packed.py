"""Lists of candidates survive the way through a record."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.arrangement import NO_DUE, Arranged
from recommender.candidates import NO_ANCHOR, Candidates, ReasonCode, Source
from recommender.errors import InvalidInput
from recommender.loyalty.due import DUE_FROM, DUE_UNTIL
from recommender.purpose import STORED, Purpose
from serving.stores.packed import FORMAT, MAX_CANDIDATES, Numbering, pack, unpack
from tests.models import shop_model
from tests.records import sealed

N_ITEMS = 200_000
AGAIN = (Source.PERSONAL, ReasonCode.BUY_AGAIN, NO_ANCHOR)


@functools.cache
def numbering() -> Numbering:
    """Number the items of a large shop, in which people buy the last items most."""
    found = object.__new__(Numbering)
    found.item = np.arange(N_ITEMS, dtype=np.int32)[::-1].copy()
    found.number = np.empty(N_ITEMS, dtype=np.int32)
    found.number[found.item] = np.arange(N_ITEMS, dtype=np.int32)
    found.first_day = 17_500 + DUE_FROM
    return found


@st.composite
def lists(draw: st.DrawFn, *, max_size: int = 140) -> Arranged:
    """Any list: scores of any size, items sold much or hardly at all, any mixture of reasons and days."""
    item = draw(st.lists(st.integers(0, N_ITEMS - 1), unique=True, max_size=max_size))
    k = len(item)
    anchors = st.sampled_from([NO_ANCHOR, 0, 7, 70_000, N_ITEMS - 1 - 65_535, N_ITEMS - 1])
    free = st.tuples(st.sampled_from(Source), st.sampled_from(ReasonCode), anchors)
    reasons = draw(st.lists(st.just(AGAIN) | free, min_size=k, max_size=k))
    days = draw(st.lists(st.integers(DUE_FROM, DUE_UNTIL - 1) | st.none(), min_size=k, max_size=k))
    source, reason, anchor = (np.array(column) for column in zip(*reasons, strict=True)) if k else (np.empty(0),) * 3
    finite = st.floats(-(2.0**100), 2.0**100, width=32)
    score = np.array(draw(st.lists(finite, min_size=k, max_size=k)), dtype=np.float32)
    due = [NO_DUE if day is None or why != AGAIN else 17_500 + day for day, why in zip(days, reasons, strict=True)]
    candidates = Candidates(
        np.array(item, dtype=np.int32), score, source.astype(np.uint8), reason.astype(np.uint8), anchor.astype(np.int32)
    )
    return Arranged(candidates, draw(st.integers(0, k)), np.array(due, dtype=np.int32))


@given(lists(), lists(max_size=40))
def test_packing_keeps_everything_but_the_last_digits_of_scores(first: Arranged, second: Arranged) -> None:
    """Items, order, sources, reasons, anchors and days are exact; scores of one source keep their order."""
    record = pack({Purpose.ALL: first, Purpose.NEW: second}, numbering())
    for purpose, packed in ((Purpose.ALL, first), (Purpose.NEW, second)):
        found = unpack(record, purpose, numbering())
        for name in ("item", "source", "reason", "anchor"):
            np.testing.assert_array_equal(getattr(found.candidates, name), getattr(packed.candidates, name))
        np.testing.assert_array_equal(found.due, packed.due)
        assert found.front == packed.front
        for source in np.unique(packed.candidates.source):
            of_it = packed.candidates.source == source
            order = np.argsort(packed.candidates.score[of_it], kind="stable")
            assert (np.diff(found.candidates.score[of_it][order]) >= 0).all()


@given(lists())
def test_scores_are_relative_to_the_best_and_worst_of_their_source(packed: Arranged) -> None:
    """1 and 0, and the others in proportion."""
    found = unpack(pack({Purpose.ALL: packed}, numbering()), Purpose.ALL, numbering())
    for source in np.unique(packed.candidates.source):
        of_it = packed.candidates.source == source
        score = packed.candidates.score[of_it].astype(np.float64)
        spread = np.ptp(score)
        expected = np.ones(len(score)) if spread == 0 else (score - score.min()) / spread
        np.testing.assert_allclose(found.candidates.score[of_it], expected, atol=0.5 / 255 + 1e-6)


def test_a_missing_list_is_empty() -> None:
    """Whoever owns everything has no list of new items."""
    assert len(unpack(pack({}, numbering()), Purpose.NEW, numbering()).candidates) == 0


def test_four_bytes_per_candidate_and_per_reason() -> None:
    """A hundred and forty candidates that rest on twenty items take little more than 600 bytes."""

    def rest_on_twenty(k: int) -> Arranged:
        anchor = np.arange(k, dtype=np.int32) % 20 + N_ITEMS - 20
        found = Candidates.of(
            np.arange(k) + N_ITEMS - k,
            np.linspace(1, 0, k),
            source=Source.PERSONAL,
            reason=ReasonCode.BECAUSE_YOU_BOUGHT,
            anchor=anchor,
        )
        return Arranged(found, k, np.full(k, NO_DUE, dtype=np.int32))

    record = pack({Purpose.ALL: rest_on_twenty(100), Purpose.NEW: rest_on_twenty(40)}, numbering())
    assert len(record) == 7 + 140 * 4 + 20 * 4 + 4


def test_too_many_are_refused() -> None:
    """A list that does not fit is an error, not a shorter list."""
    n = MAX_CANDIDATES + 1
    many = Candidates.of(np.arange(n), np.zeros(n), source=Source.POPULAR, reason=ReasonCode.POPULAR)
    with pytest.raises(InvalidInput, match="251 candidates"):
        pack({Purpose.ALL: Arranged(many, n, np.full(n, NO_DUE, dtype=np.int32))}, numbering())


def test_too_many_reasons_are_refused() -> None:
    """A byte names a reason."""

    def all_different(k: int, offset: int) -> Arranged:
        found = Candidates.of(
            np.arange(k),
            np.zeros(k),
            source=Source.SIMILAR,
            reason=ReasonCode.SIMILAR_TO,
            anchor=np.arange(k, dtype=np.int32) + offset,
        )
        return Arranged(found, k, np.full(k, NO_DUE, dtype=np.int32))

    with pytest.raises(InvalidInput, match="300 distinct reasons"):
        pack({Purpose.ALL: all_different(200, 1000), Purpose.NEW: all_different(100, 5000)}, numbering())


@given(lists(), st.data())
def test_a_damaged_record_is_refused(packed: Arranged, data: st.DataObject) -> None:
    """Truncated, lengthened or foreign bytes are no record."""
    record = pack({Purpose.NEW: packed}, numbering())
    cut = data.draw(st.integers(0, len(record) - 1))
    for damaged in (record[:cut], record + b"\0", b"\1" + record[1:], b"", b"{}"):
        with pytest.raises(InvalidInput):
            unpack(damaged, Purpose.NEW, numbering())


@given(lists(), st.data(), st.sampled_from(STORED))
def test_a_record_with_a_wrong_bit_is_refused(packed: Arranged, data: st.DataObject, purpose: Purpose) -> None:
    """Of any bit: what it says of items, scores, reasons or lengths would look right."""
    record = bytearray(pack({Purpose.ALL: packed, Purpose.NEW: packed}, numbering()))
    bit = data.draw(st.integers(0, 8 * len(record) - 1))
    record[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidInput):
        unpack(bytes(record), purpose, numbering())


@given(st.integers(0, 8), st.integers(0, 3), st.integers(0, 2), st.data(), st.sampled_from(STORED))
def test_noise_never_crashes(n: int, r: int, w: int, data: st.DataObject, purpose: Purpose) -> None:
    """Whatever lies in the store, reading it gives candidates or InvalidInput; even if the checksum happens to fit."""
    size = 4 * n + 4 * r + 3 * w
    body = data.draw(st.binary(min_size=size, max_size=size))
    first, *fronts = (data.draw(st.integers(0, n)) for _ in range(3))
    counts = bytes([FORMAT, first, fronts[0], n - first, fronts[1], r, w])
    for record in (body, sealed(counts + body + bytes(4))):
        try:
            unpack(record, purpose, numbering())
        except InvalidInput:
            continue


def test_items_are_numbered_by_how_many_bought_them() -> None:
    """The most bought item has number 0, and each number leads back to its item."""
    model = shop_model()
    found = Numbering(model)
    assert found.item[0] == model.popularity.total.argmax()
    np.testing.assert_array_equal(found.item[found.number], np.arange(len(model.items)))
