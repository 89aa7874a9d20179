"""An order found once gives what sorting for each question would."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recommender.ranking import top_k
from recommender.standing import Standing


@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 6), st.integers(0, 50))
def test_equals_a_sort(seed: int, n: int, n_categories: int, k: int) -> None:
    """The best of all, of some categories and of all others; ties by index, empty categories included."""
    rng = np.random.default_rng(seed)
    score, category = rng.integers(0, 5, n).astype(np.float32), rng.integers(0, n_categories, n).astype(np.int32)
    standing = Standing(score, category, n_categories).prepare()
    assert standing.best(k).item.tolist() == top_k(score, k).item.tolist()
    asked = np.flatnonzero(rng.random(n_categories) < 0.5)
    inside = np.isin(category, asked)
    best = standing.best_in(asked, k)
    assert best.item.tolist() == top_k(score, k, keep=inside).item.tolist()
    assert best.score.tolist() == score[best.item].tolist()
    mask = np.isin(np.arange(n_categories), asked)
    assert standing.best_outside(mask, k).tolist() == top_k(score, k, keep=~inside).item.tolist()


def test_heads_stand_end_to_end() -> None:
    """Two of the first category, one of the second; each knows where it ends."""
    standing = Standing(np.array([1, 3, 2, 9], dtype=np.float32), np.array([0, 0, 0, 1], dtype=np.int32), 2)
    heads = standing.heads(np.array([0, 1]), np.array([2, 2]))
    assert heads.entry.tolist() == [1, 2, 3]
    assert heads.size.tolist() == [2, 1]
    assert heads.end.tolist() == [2, 3]


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 6), st.integers(1, 50))
def test_high_is_who_has_few_above(seed: int, n: int, n_categories: int, k: int) -> None:
    """Fewer than so many score more, in all or in the category; who scores nothing is never high."""
    rng = np.random.default_rng(seed)
    score, category = rng.integers(0, 5, n).astype(np.float32), rng.integers(0, n_categories, n).astype(np.int32)
    standing, item = Standing(score, category, n_categories), np.arange(n)
    above = score[:, None] < score
    beside = category[:, None] == category
    assert standing.is_high(item, k).tolist() == ((above.sum(axis=1) < k) & (score > 0)).tolist()
    few = (above & beside).sum(axis=1) < np.ceil(0.1 * beside.sum(axis=1))
    assert standing.is_high_in_category(item, 0.1).tolist() == (few & (score > 0)).tolist()
