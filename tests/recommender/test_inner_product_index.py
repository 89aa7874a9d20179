"""The index finds what multiplying everything and sorting finds."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.inner_product_index import InnerProductIndex
from recommender.ranking import top_k

SIZE = 4


def whole(rng: np.random.Generator, n: int, kind: str) -> npt.NDArray[np.float32]:
    """Vectors of small whole numbers, whose products are exact in whatever order they are summed up: ties are ties."""
    vectors = rng.integers(-3, 4, (n, SIZE)).astype(np.float32)
    if kind == "skewed":
        vectors *= rng.geometric(0.3, (n, 1)).astype(np.float32) ** 2
    if kind == "with zeros":
        vectors[rng.random(n) < 0.5] = 0
    if kind == "all alike":
        vectors[:] = vectors[:1]
    if kind == "against":
        vectors = -np.abs(vectors)
    return vectors


@given(
    st.integers(0, 2**32),
    st.integers(0, 60),
    st.integers(0, 70),
    st.sampled_from(["any", "skewed", "with zeros", "all alike", "against"]),
    st.sampled_from([0, 16 * 5, 16 * 60]),
    st.data(),
)
def test_equals_multiplying_everything(
    seed: int, n: int, k: int, kind: str, most_copied: int, data: st.DataObject
) -> None:
    """Whatever is masked or excluded, however ties fall, and whether the copy holds nothing, some or all."""
    rng = np.random.default_rng(seed)
    vectors, vector = whole(rng, n, kind), np.abs(rng.integers(-2, 3, SIZE)).astype(np.float32)
    among, keep = (data.draw(st.sampled_from([None, rng.random(n) < 0.6])) for _ in range(2))
    exclude = data.draw(st.sampled_from([None, rng.integers(0, max(n, 1), 5)])) if n else None
    index = InnerProductIndex(vectors, among=among, most_copied=most_copied)
    found = index.best(vector, k, exclude=exclude, keep=keep)
    allowed = np.ones(n, dtype=np.bool_)
    for mask in (among, keep):
        allowed &= True if mask is None else mask
    expected = top_k(vectors @ vector, k, keep=allowed, exclude=exclude)
    assert found.item.tolist() == expected.item.tolist()
    assert found.score.tolist() == expected.score.tolist()
    assert found.item.dtype == np.int32
    assert len(index) == (n if among is None else among.sum())


@given(st.integers(0, 2**32), st.sampled_from([0.0, 1.0, 3.0]), st.sampled_from([0, 2000 * 64, 2**20]))
def test_real_numbers_differ_by_rounding_alone(seed: int, skew: float, most_copied: int) -> None:
    """Over several blocks, and whether lengths are alike or not, the scores are those of a full product."""
    rng = np.random.default_rng(seed)
    vectors = (rng.normal(size=(12_000, 16)) * rng.lognormal(0, skew, (12_000, 1))).astype(np.float32)
    vector = rng.normal(size=16).astype(np.float32)
    found = InnerProductIndex(vectors, most_copied=most_copied).best(vector, 50)
    scores = vectors @ vector
    np.testing.assert_allclose(found.score, top_k(scores, 50).score, rtol=1e-4)
    np.testing.assert_allclose(scores[found.item], found.score, rtol=1e-4)
    assert len(np.unique(found.item)) == 50


def test_long_vectors_end_the_search_early() -> None:
    """Where a hundred vectors are a thousand times longer than the rest, the first block is all that is multiplied."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50_000, 8)).astype(np.float32)
    vectors[::500] *= 1000
    search = InnerProductIndex(vectors).search(rng.normal(size=8).astype(np.float32), 10)
    assert search.scanned < 5000
    assert (search.found.item % 500 == 0).all()


def test_data_that_defeat_the_bound_cost_one_product_more_than_the_copy() -> None:
    """Vectors of one length in all directions: the copy is multiplied in vain, then everything once."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20_000, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vector = rng.normal(size=32).astype(np.float32)
    search = InnerProductIndex(vectors, most_copied=5000 * 32 * 4).search(vector, 10)
    assert search.scanned == 25_000
    assert InnerProductIndex(vectors).search(vector, 10).scanned == 20_000


def test_a_person_nothing_is_known_of_ranks_by_index() -> None:
    """Every product with a zero vector is zero, and ties go to the lower index."""
    index = InnerProductIndex(np.ones((5, 2), np.float32), among=np.array([False, True, True, True, True]))
    assert index.best(np.zeros(2, np.float32), 2, exclude=np.array([2])).item.tolist() == [1, 3]


@pytest.mark.parametrize(("vector", "k"), [([1.0, 1.0], -1), ([np.nan, 1.0], 2), ([np.inf, 1.0], 2)])
def test_senseless_questions_are_refused(vector: list[float], k: int) -> None:
    """A negative count, and a vector that is not finite."""
    index = InnerProductIndex(np.ones((5, 2), np.float32))
    with pytest.raises(InvalidInput):
        index.best(np.array(vector, dtype=np.float32), k)
