"""Candidates survive the way through a record."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.candidates import NO_ANCHOR, Candidates, ReasonCode, Source
from recommender.errors import InvalidInput
from recommender.purpose import Purpose
from serving.stores.packed import MAX_CANDIDATES, pack, unpack


@st.composite
def candidate_lists(draw: st.DrawFn) -> Candidates:
    """Any list: scores of any size, best first, any item up to the largest int32, any mixture of anchors."""
    item = draw(st.lists(st.integers(0, 2**31 - 1), unique=True, max_size=MAX_CANDIDATES))
    k = len(item)
    finite = st.floats(-(2.0**100), 2.0**100, width=32)
    score = sorted(draw(st.lists(finite, min_size=k, max_size=k)), reverse=True)
    anchors = draw(st.lists(st.sampled_from([NO_ANCHOR, 0, 7, 2**31 - 1]), min_size=k, max_size=k))
    return Candidates(
        np.array(item, dtype=np.int32),
        np.array(score, dtype=np.float32),
        np.array(draw(st.lists(st.sampled_from(Source), min_size=k, max_size=k)), dtype=np.uint8),
        np.array(draw(st.lists(st.sampled_from(ReasonCode), min_size=k, max_size=k)), dtype=np.uint8),
        np.array(anchors, dtype=np.int32),
    )


@given(st.dictionaries(st.sampled_from(Purpose), candidate_lists()))
def test_packing_keeps_everything_but_the_last_digits_of_scores(lists: dict[Purpose, Candidates]) -> None:
    """Items, order, sources, reasons and anchors are exact; scores keep their order, within half a step."""
    found = unpack(pack(lists))
    assert list(found) == list(lists)
    for purpose, candidates in lists.items():
        assert_almost_equal(found[purpose], candidates)


def assert_almost_equal(found: Candidates, candidates: Candidates) -> None:
    for name in ("item", "source", "reason", "anchor"):
        np.testing.assert_array_equal(getattr(found, name), getattr(candidates, name))
    assert (np.diff(found.score) <= 0).all()
    spread = float(np.ptp(candidates.score.astype(np.float64))) if len(candidates) else 0.0
    largest = float(np.abs(candidates.score).max(initial=0.0))
    np.testing.assert_allclose(found.score, candidates.score, rtol=0, atol=spread / 131_000 + largest * 1e-6)


def test_a_list_of_a_hundred_is_under_a_kilobyte() -> None:
    """Eight bytes per candidate and four per distinct anchor."""
    candidates = Candidates.of(
        np.arange(100),
        np.linspace(1, 0, 100),
        source=Source.PERSONAL,
        reason=ReasonCode.BECAUSE_YOU_BOUGHT,
        anchor=np.arange(100, dtype=np.int32) % 10,
    )
    assert len(pack({Purpose.ALL: candidates})) == 2 + 3 + 12 + 100 * 8 + 10 * 4


def test_too_many_are_refused() -> None:
    """A list that does not fit is an error, not a shorter list."""
    n = MAX_CANDIDATES + 1
    many = Candidates.of(np.arange(n), np.zeros(n), source=Source.POPULAR, reason=ReasonCode.POPULAR)
    with pytest.raises(InvalidInput, match="251 candidates"):
        pack({Purpose.ALL: many})


@given(candidate_lists(), st.data())
def test_a_damaged_record_is_refused_or_is_another_list(candidates: Candidates, data: st.DataObject) -> None:
    """Truncated, lengthened or foreign bytes never come back as anything but valid candidates."""
    record = pack({Purpose.NEW: candidates})
    cut = data.draw(st.integers(0, len(record) - 1))
    for damaged in (record[:cut], record + b"\0", b"\1" + record[1:], b"", b"{}"):
        with pytest.raises(InvalidInput):
            unpack(damaged)


@given(st.binary(max_size=60))
def test_noise_never_crashes(noise: bytes) -> None:
    """Whatever lies in the store, reading it gives candidates or InvalidInput."""
    for record in (noise, b"\2\1" + noise, b"\2\1\0" + len(noise).to_bytes(2, "little") + noise):
        try:
            unpack(record)
        except InvalidInput:
            continue
