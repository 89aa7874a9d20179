"""Many records read at once are what each of them says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.arrangement import Arranged
from recommender.errors import InvalidInput
from recommender.purpose import STORED, Purpose
from serving.stores.packed import pack, unpack
from serving.stores.packed_lists import EMPTY, unpack_lists
from tests.records import sealed
from tests.serving.stores.test_packed import N_ITEMS, lists, numbering

PAIRS = st.lists(st.tuples(lists(max_size=30), lists(max_size=12)) | st.none(), max_size=5)


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.sampled_from(STORED), st.sampled_from([1, 7, 250]))
def test_matrices_say_what_records_say(
    pairs: list[tuple[Arranged, Arranged] | None], purpose: Purpose, depth: int
) -> None:
    """Items, wide numbers included, reasons, anchors and days of each row are those of `unpack`."""
    packed = [b"" if pair is None else pack(dict(zip(STORED, pair, strict=True)), numbering()) for pair in pairs]
    found = unpack_lists(packed, purpose, numbering(), depth=depth)
    assert len(found.item) == len(packed)
    for row, record in enumerate(packed):
        expected = unpack(record, purpose, numbering()) if record else Arranged.empty()
        k = min(len(expected.candidates), depth)
        assert (found.item[row, k:] == EMPTY).all()
        np.testing.assert_array_equal(found.item[row, :k], expected.candidates.item[:k])
        kind = expected.candidates.source << 4 | expected.candidates.reason
        np.testing.assert_array_equal(found.kind[row, :k], kind[:k])
        np.testing.assert_array_equal(found.anchor[row, :k], expected.candidates.anchor[:k])
        np.testing.assert_array_equal(found.due[row, :k], expected.due[:k])
        assert found.front[row] == min(expected.front, k)


@given(lists(max_size=20), st.integers(0, 10_000))
def test_a_damaged_record_is_refused(packed: Arranged, at: int) -> None:
    """One wrong byte among many records refuses them all: nobody gets another's items."""
    record = bytearray(pack({Purpose.ALL: packed}, numbering()))
    record[at % len(record)] ^= 0x10
    good = pack({}, numbering())
    with pytest.raises(InvalidInput):
        unpack_lists([good, bytes(record), good], Purpose.ALL, numbering(), depth=10)


def test_items_of_another_model_are_refused() -> None:
    """A sound record that names items beyond the catalogue is of another model."""
    header, wide = bytes([3, 1, 1, 0, 0, 1, 1]), b"\x00\x00\x0f"
    beyond = sealed(header + b"\xff\xff" + b"\xff" + b"\x00" + b"\x00\xff\xff\xff" + wide + bytes(4))
    assert N_ITEMS <= (0x0F << 16 | 0xFFFF)
    with pytest.raises(InvalidInput, match="items the model does not have"):
        unpack_lists([beyond], Purpose.ALL, numbering(), depth=10)
