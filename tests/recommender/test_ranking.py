"""`top_k` is a sort that stops early, and nothing else."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recommender.errors import InvalidInput
from recommender.ranking import top_k

# Few distinct values: ties are the rule, not the exception.
score_arrays = arrays.arrays(
    np.float32,
    st.integers(0, 30),
    elements=st.sampled_from([-2.0, -0.0, 0.0, 0.5, 1.0, np.nan, np.inf, -np.inf]),
)


def brute_force(scores: npt.NDArray[Any], k: int, allowed: npt.NDArray[np.bool_]) -> list[int]:
    """Sort everything, best first, ties by index."""
    rankable = [i for i in range(len(scores)) if allowed[i] and np.isfinite(scores[i])]
    return sorted(rankable, key=lambda i: (-scores[i], i))[:k]


@given(score_arrays, st.integers(0, 40), st.data())
def test_equals_a_sort(scores: npt.NDArray[np.float32], k: int, data: st.DataObject) -> None:
    """The result is that of a full sort, with a mask and exclusions, ties by index and nothing padded."""
    n = len(scores)
    keep = data.draw(st.none() | arrays.arrays(np.bool_, n))
    exclude = data.draw(st.none() | st.lists(st.integers(0, n - 1), max_size=5)) if n else None
    allowed = np.ones(n, dtype=np.bool_) if keep is None else keep.copy()
    allowed[exclude or []] = False
    before = scores.copy()
    ranked = top_k(scores, k, keep=keep, exclude=None if exclude is None else np.array(exclude, dtype=np.int32))
    assert ranked.item.tolist() == brute_force(scores, k, allowed)
    np.testing.assert_array_equal(ranked.score, scores[ranked.item])
    np.testing.assert_array_equal(scores, before)


def test_large_catalogue_equals_a_sort() -> None:
    """100,000 items with thousands of ties rank like a stable sort."""
    scores = np.random.default_rng(3).integers(0, 500, 100_000).astype(np.float32)
    ranked = top_k(scores, 250)
    assert ranked.item.tolist() == np.argsort(-scores, kind="stable")[:250].tolist()


@given(
    st.integers(0, 2**32),
    st.integers(1, 3000),
    st.integers(0, 60),
    st.sampled_from(["all different", "ties", "sparse", "ascending", "mostly minus infinity", "constant"]),
)
def test_any_distribution_equals_a_sort(seed: int, n: int, k: int, kind: str) -> None:
    """The cut before the partition loses nothing: where scores tie, are sparse, stand in order or cannot be ranked."""
    rng = np.random.default_rng(seed)
    scores: npt.NDArray[np.floating[Any]] = {
        "all different": rng.normal(size=n),
        "ties": rng.integers(0, 9, n).astype(np.float64),
        "sparse": np.where(rng.random(n) < 0.02, rng.random(n), 0.0),
        "ascending": np.arange(n) / 7,
        "mostly minus infinity": np.where(rng.random(n) < 0.02, rng.normal(size=n), -np.inf),
        "constant": np.full(n, -3.0),
    }[kind].astype(np.float32)
    expected = brute_force(scores, k, np.ones(n, dtype=np.bool_))
    assert top_k(scores, k).item.tolist() == expected


@given(score_arrays, st.integers(0, 10))
def test_shorter_list_is_the_head_of_a_longer_one(scores: npt.NDArray[np.float32], k: int) -> None:
    """Asking for less gives the beginning of the same list."""
    assert top_k(scores, k).item.tolist() == top_k(scores, k + 5).item.tolist()[:k]


def test_types() -> None:
    """Indices are int32 and scores float32, whatever came in; an empty catalogue has an empty ranking."""
    ranked = top_k(np.arange(4, dtype=np.float64), 2)
    assert ranked.item.dtype == np.int32
    assert ranked.score.dtype == np.float32
    assert len(ranked) == 2
    assert len(top_k(np.empty(0), 5)) == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"k": -1}, "k is -1"),
        ({"k": 1, "exclude": np.array([2, -1])}, "exclude holds -1"),
        ({"k": 1, "exclude": np.array([3])}, "exclude holds 3"),
        ({"k": 1, "keep": np.ones(2, np.bool_)}, "keep has shape"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], problem: str) -> None:
    """A sentinel such as -1 must not silently exclude the last item, nor a mask of another catalogue pass."""
    with pytest.raises(InvalidInput, match=problem):
        top_k(np.zeros(3), **arguments)
