"""The matrix: what a training library is given is canonical, and every value is a confidence."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from scipy.sparse import csr_matrix

from recommender.confidence import Confidence
from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.ids import IdMap
from recommender.interactions import GUEST, Interactions
from recommender.matrix import InteractionMatrix
from tests.planted import Line, at, log_of
from tests.strategies import logs


@given(logs())
def test_equals_the_definition(log: Interactions) -> None:
    """c_ui is 1 plus the sum of the rows of u and i; guests and events without a weight are not there."""
    confidence = Confidence()
    matrix = InteractionMatrix.from_interactions(log, confidence, now=at(366))
    expected = np.zeros((len(log.users), len(log.items)))
    for row, gain in enumerate(confidence.of_rows(log, now=at(366))):
        if log.user[row] != GUEST and log.event[row] in confidence.events:
            expected[log.user[row], log.item[row]] += gain
    stored = np.zeros_like(expected)
    stored[matrix.confidence.nonzero()] = matrix.confidence.data - 1
    np.testing.assert_allclose(stored, expected, rtol=1e-5, atol=1e-5)
    assert matrix.confidence.nnz == np.count_nonzero(expected)


@given(logs())
def test_is_canonical(log: Interactions) -> None:
    """Sorted indices, no pair twice, nothing stored that is not above 1: what implicit silently gets wrong."""
    c = InteractionMatrix.from_interactions(log, Confidence(), now=at(366)).confidence
    assert c.format == "csr"
    assert c.dtype == np.float32
    assert (c.data > 1).all()
    for start, end in zip(c.indptr[:-1], c.indptr[1:], strict=True):
        assert (np.diff(c.indices[start:end]) > 0).all()


def test_ancient_purchase_is_still_a_purchase() -> None:
    """Where the decay leaves nothing measurable, the pair stays, with the least confidence above 1."""
    log = log_of([Line("u", "i", day=0), Line("u", "j", day=0, event=Event.IMPRESSION)])
    matrix = InteractionMatrix.from_interactions(log, Confidence(half_life_days=1.0), now=at(5000))
    assert matrix.confidence.nnz == 1
    assert 1 < matrix.confidence[0, 0] < 1.000001


def test_user_without_a_row_is_empty() -> None:
    """Users known only by clicks keep their row, and it is empty if clicks weigh nothing."""
    log = log_of([Line("ann", "tea"), Line("bob", "tea", event=Event.CLICK), Line(None, "tea", order="g")])
    confidence = Confidence(event_weights={Event.PURCHASE: 1.0})
    matrix = InteractionMatrix.from_interactions(log, confidence, now=at(1))
    assert matrix.confidence.shape == (2, 1)
    assert np.diff(matrix.confidence.indptr).tolist() == [1, 0]


def test_tiny_logs(tiny_log: Interactions) -> None:
    """The smallest logs have a matrix, if only an empty one."""
    matrix = InteractionMatrix.from_interactions(tiny_log, Confidence(), now=at(10))
    assert matrix.confidence.shape == (len(tiny_log.users), len(tiny_log.items))


def unsorted() -> csr_matrix:
    """A matrix whose row is not in the order of its columns."""
    return csr_matrix((np.array([2, 3], np.float32), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (csr_matrix(np.array([[2.0, 3.0]])), "canonical float32 CSR, not csr of float64"),
        (csr_matrix(np.array([[2, 3]], np.float32)).tocsc(), "not csc"),
        (unsorted(), "canonical"),
        (csr_matrix(np.array([[2, 3, 4]], np.float32)), r"is \(1, 3\) for 1 users and 2 items"),
        (csr_matrix(np.array([[2, 1]], np.float32)), "greater than 1"),
        (csr_matrix(np.array([[2, np.inf]], np.float32)), "finite"),
    ],
)
def test_other_matrices_are_refused(values: Any, problem: str) -> None:
    """What a training library would misread is refused first."""
    with pytest.raises(InvalidInput, match=problem):
        InteractionMatrix(values, IdMap(("u",)), IdMap(("a", "b")))
