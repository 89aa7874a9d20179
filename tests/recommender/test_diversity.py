"""Maximal marginal relevance: the dial's two ends are known, and in between nothing is lost."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.diversity import Variety, diversify, similarities
from recommender.errors import InvalidInput

Drawn = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


@st.composite
def lists(draw: st.DrawFn) -> Drawn:
    """Scores, best first, and how alike the candidates are."""
    n = draw(st.integers(0, 20))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    score = np.sort(rng.normal(size=n))[::-1].round(draw(st.integers(0, 3))).astype(np.float32)
    vectors = rng.normal(size=(n, 3)).astype(np.float32) * rng.integers(0, 2, size=(n, 1))
    return score, similarities(vectors.astype(np.float32), rng.integers(-1, 3, n).astype(np.int32))


def slowly(score: npt.NDArray[np.float32], alike: npt.NDArray[np.float32], dial: float, k: int) -> list[int]:
    """Carbonell & Goldstein's definition, one candidate after the other."""
    n = len(score)
    span = float(score[0]) - float(score[-1]) if n else 0.0
    relevance = [(float(s) - float(score[-1])) / span if span > 0 else 1.0 for s in score]
    chosen: list[int] = []
    while len(chosen) < min(k, n):
        left = [i for i in range(n) if i not in chosen]
        worth = [(1 - dial) * relevance[i] - dial * max((float(alike[i, j]) for j in chosen), default=0) for i in left]
        chosen.append(left[int(np.argmax(worth))])
    return chosen


@given(lists(), st.sampled_from([0.1, 0.3, 0.5, 0.9, 1.0]), st.integers(1, 20))
def test_diversify_is_the_definition(drawn: Drawn, dial: float, k: int) -> None:
    """The vectorised places are those of the formula; behind them stands the rest, by score."""
    score, alike = drawn
    order = diversify(score, alike, dial=dial, k=k).tolist()
    assert sorted(order) == list(range(len(score)))
    if len(score) > 2:
        assert order[:k] == slowly(score, alike, dial, k)
    assert order[k:] == sorted(order[k:])


@given(lists(), st.integers(1, 20))
def test_dial_at_zero_changes_nothing(drawn: Drawn, k: int) -> None:
    """0 is accuracy alone."""
    score, alike = drawn
    assert diversify(score, alike, dial=0, k=k).tolist() == list(range(len(score)))


@given(lists(), st.floats(0.01, 0.99), st.integers(1, 10))
def test_the_best_stays_first(drawn: Drawn, dial: float, k: int) -> None:
    """Before anything is chosen, everything is new: the first place belongs to the best score."""
    score, alike = drawn
    assert not len(score) or diversify(score, alike, dial=dial, k=k)[0] == 0


@given(lists(), st.sampled_from([0.25, 2.0, 64.0]), st.sampled_from([0.2, 0.7]))
def test_scale_of_the_scores_does_not_matter(drawn: Drawn, factor: float, dial: float) -> None:
    """Scores are comparable within one list only, so the dial means the same for every list."""
    score, alike = drawn
    assert diversify(score * np.float32(factor), alike, dial=dial, k=5).tolist() == (
        diversify(score, alike, dial=dial, k=5).tolist()
    )


def test_wider_dial_separates_twins() -> None:
    """Two items alike and a third apart: a small dial keeps the twin second, a large one sends it back."""
    alike = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float32)
    score = np.array([3.0, 2.9, 1.0], dtype=np.float32)
    assert diversify(score, alike, dial=0.2, k=3).tolist() == [0, 1, 2]
    assert diversify(score, alike, dial=0.6, k=3).tolist() == [0, 2, 1]


def test_similarity_by_hand() -> None:
    """Half for one category, half for the cosine; opposite and unknown count as unlike."""
    vectors = np.array([[1, 0], [2, 0], [0, 1], [-1, 0], [0, 0]], dtype=np.float32)
    category = np.array([0, 0, 0, 1, -1], dtype=np.int32)
    assert similarities(vectors, category)[0].tolist() == [1, 1, 0.5, 0, 0]
    assert similarities(vectors, np.full(5, -1, dtype=np.int32))[0].tolist() == [0.5, 0.5, 0, 0, 0]


@pytest.mark.parametrize(
    ("options", "named"),
    [({"diversity": -0.1}, "-0.1"), ({"diversity": 1.5}, "1.5"), ({"category_cap": 0}, "category_cap is 0")],
)
def test_variety_refuses_what_makes_no_sense(options: dict[str, float], named: str) -> None:
    """The message names the value."""
    with pytest.raises(InvalidInput, match=named):
        Variety(**options)  # type: ignore[arg-type]  # one of each kind
