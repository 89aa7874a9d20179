"""May the figures of two versions be subtracted user by user? Only if both were measured on the same answers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from recommender.item_lists import ItemLists
from recommender.outcomes import Outcomes
from recommender.purpose import Purpose
from training.measured import Measured


def why_unpaired(a: Measured, b: Measured) -> str | None:
    """Say what keeps two versions from being compared user by user, as a clause; None if nothing does."""
    for side in (a, b):
        if side.outcomes is None:
            return f"{side.version} has no figures by user: {side.problem or 'they were not kept'}"
    assert a.outcomes is not None
    assert b.outcomes is not None
    return mismatch(a.outcomes, b.outcomes)


def mismatch(a: Outcomes, b: Outcomes) -> str | None:
    """Say in what two test windows differ, as a clause; None if users and right answers are the same."""
    one, other = a.window, b.window
    if one.cut != other.cut:
        return f"the test windows differ: one begins on {one.cut[:10]}, the other on {other.cut[:10]}"
    if one.end != other.end:
        return f"the test windows differ: one log ends at {one.end}, the other at {other.end}"
    if one.k != other.k:
        return f"the lists differ in length: {one.k} and {other.k} items"
    if one.users != other.users:
        return (
            f"the data differ: {len(one):,} users were measured in one and {len(other):,} in the other, "
            f"{len(set(one.users) & set(other.users)):,} of them in both"
        )
    shared = shared_purposes(a, b)
    if not shared:
        return "no purpose was measured in both"
    place = item_places(a, b)
    for purpose in shared:
        if not _same_answers(a, b, purpose, place):
            return f"the data differ: what users bought in the test window is not the same for {purpose.value} items"
    return None


def shared_purposes(a: Outcomes, b: Outcomes) -> list[Purpose]:
    """Return the purposes measured in both, in their usual order."""
    return [purpose for purpose in Purpose if purpose in a.by_purpose and purpose in b.by_purpose]


def item_places(a: Outcomes, b: Outcomes) -> npt.NDArray[np.int64]:
    """Return, for each item of `b`, its index in `a`; items that `a` does not know follow behind its own."""
    if a.window.items == b.window.items:
        return np.arange(len(b.window.items))
    place: Mapping[str, int] = {item: index for index, item in enumerate(a.window.items)}
    strangers = len(place)
    return np.array([place.get(item, strangers + at) for at, item in enumerate(b.window.items)], dtype=np.int64)


def renumbered(lists: ItemLists, place: npt.NDArray[np.int64]) -> ItemLists:
    """Return `lists` with the item numbers that `place` gives."""
    return ItemLists(lists.indptr, place[lists.item].astype(np.int32))


def _same_answers(a: Outcomes, b: Outcomes, purpose: Purpose, place: npt.NDArray[np.int64]) -> bool:
    one, other = a.by_purpose[purpose], b.by_purpose[purpose]
    return (
        np.array_equal(one.row, other.row)
        and np.array_equal(one.relevant.indptr, other.relevant.indptr)
        # Both are ascending by external id, so equal sets are equal rows.
        and np.array_equal(one.relevant.item, place[other.relevant.item])
    )
