"""Tables computed by hand, and the laws that every per-user accuracy metric obeys."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recommender.metrics import PER_USER, Relevance, recall

L3 = 1 / math.log2(3)
"""The discount of the second place; that of the third is 1/2."""

TABLE: dict[tuple[str, int], dict[str, float]] = {
    # hits on places 1 to 3, relevant items
    ("...", 1): {"ndcg": 0, "recall": 0, "precision": 0, "map": 0, "hit_rate": 0},
    ("x..", 1): {"ndcg": 1, "recall": 1, "precision": 1 / 3, "map": 1, "hit_rate": 1},
    (".x.", 1): {"ndcg": L3, "recall": 1, "precision": 1 / 3, "map": 1 / 2, "hit_rate": 1},
    ("..x", 1): {"ndcg": 1 / 2, "recall": 1, "precision": 1 / 3, "map": 1 / 3, "hit_rate": 1},
    ("x.x", 2): {"ndcg": 1.5 / (1 + L3), "recall": 1, "precision": 2 / 3, "map": 5 / 6, "hit_rate": 1},
    (".xx", 2): {"ndcg": (L3 + 0.5) / (1 + L3), "recall": 1, "precision": 2 / 3, "map": 7 / 12, "hit_rate": 1},
    ("xxx", 3): {"ndcg": 1, "recall": 1, "precision": 1, "map": 1, "hit_rate": 1},
    ("xxx", 9): {"ndcg": 1, "recall": 1, "precision": 1, "map": 1, "hit_rate": 1},
    ("x..", 9): {"ndcg": 1 / (1.5 + L3), "recall": 1 / 3, "precision": 1 / 3, "map": 1 / 3, "hit_rate": 1},
}


def relevance_of(places: str, n_relevant: int) -> Relevance:
    return Relevance(np.array([[place == "x" for place in places]]), np.array([n_relevant]))


@pytest.mark.parametrize("metric", PER_USER)
@pytest.mark.parametrize(("places", "n_relevant"), TABLE)
def test_metrics_equal_those_computed_by_hand(metric: str, places: str, n_relevant: int) -> None:
    """Every metric of a small ranking is the number that pen and paper give."""
    value = PER_USER[metric](relevance_of(places, n_relevant))
    assert value.tolist() == pytest.approx([TABLE[places, n_relevant][metric]], abs=1e-12)


def test_classic_recall_divides_by_everything_relevant() -> None:
    """With many relevant items classic recall cannot reach one; the default can."""
    relevance = relevance_of("xx", 8)
    assert recall(relevance).tolist() == [1]
    assert recall(relevance, classic=True).tolist() == [0.25]


@st.composite
def relevances(draw: st.DrawFn) -> Relevance:
    k, n_users = draw(st.integers(1, 12)), draw(st.integers(1, 8))
    hits = np.array(draw(st.lists(st.lists(st.booleans(), min_size=k, max_size=k), min_size=n_users, max_size=n_users)))
    missed = draw(st.lists(st.integers(0, 20), min_size=n_users, max_size=n_users))
    return Relevance(hits, np.maximum(hits.sum(axis=1) + np.array(missed), 1))


@pytest.mark.parametrize("metric", PER_USER)
@given(relevance=relevances())
def test_metrics_lie_between_zero_and_one(metric: str, relevance: Relevance) -> None:
    """No rounding carries a metric outside [0, 1], and each user has one value."""
    values = PER_USER[metric](relevance)
    assert values.shape == relevance.n_relevant.shape
    assert values.dtype == np.float64
    assert (values >= 0).all()
    assert (values <= 1).all()


@pytest.mark.parametrize("metric", PER_USER)
@given(k=st.integers(1, 30), more=st.integers(0, 30))
def test_a_perfect_ranking_scores_one(metric: str, k: int, more: int) -> None:
    """All k places right is a score of exactly 1, however many relevant items there are beyond."""
    assert PER_USER[metric](Relevance(np.ones((1, k), np.bool_), np.array([k + more]))).tolist() == [1]


@pytest.mark.parametrize("metric", ["ndcg", "recall", "map", "hit_rate"])
@given(k=st.integers(1, 30), data=st.data())
def test_all_relevant_items_first_score_one(metric: str, k: int, data: st.DataObject) -> None:
    """The ideal list is cut at min(k, relevant items): places nobody could fill cost nothing."""
    n_relevant = data.draw(st.integers(1, k))
    assert PER_USER[metric](Relevance(np.arange(k)[None] < n_relevant, np.array([n_relevant]))).tolist() == [1]


@pytest.mark.parametrize("metric", PER_USER)
@given(relevance=relevances(), data=st.data())
def test_permuting_users_permutes_their_values(metric: str, relevance: Relevance, data: st.DataObject) -> None:
    """A user's value depends on that user alone."""
    order: npt.NDArray[np.intp] = np.array(data.draw(st.permutations(range(len(relevance.hits)))))
    permuted = Relevance(relevance.hits[order], relevance.n_relevant[order])
    assert np.array_equal(PER_USER[metric](permuted), PER_USER[metric](relevance)[order])


@pytest.mark.parametrize("metric", PER_USER)
@given(relevance=relevances(), data=st.data())
def test_one_more_hit_never_lowers_a_metric(metric: str, relevance: Relevance, data: st.DataObject) -> None:
    """Turning a miss into a hit is never punished."""
    user = data.draw(st.integers(0, len(relevance.hits) - 1))
    place = data.draw(st.integers(0, relevance.k - 1))
    assume(relevance.hits[user].sum() < relevance.n_relevant[user])
    hits = relevance.hits.copy()
    hits[user, place] = True
    before, after = PER_USER[metric](relevance), PER_USER[metric](Relevance(hits, relevance.n_relevant))
    assert (after >= before).all()


@pytest.mark.parametrize("metric", ["ndcg", "map"])
@given(relevance=relevances(), data=st.data())
def test_a_hit_that_moves_up_never_lowers_a_metric_that_knows_places(
    metric: str, relevance: Relevance, data: st.DataObject
) -> None:
    """Swapping a hit with the miss above it is never punished."""
    place = data.draw(st.integers(0, relevance.k - 1))
    hits = relevance.hits.copy()
    if place:
        hits[:, [place - 1, place]] = np.sort(hits[:, [place - 1, place]], axis=1)[:, ::-1]
    before, after = PER_USER[metric](relevance), PER_USER[metric](Relevance(hits, relevance.n_relevant))
    assert (after >= before - 1e-12).all()
