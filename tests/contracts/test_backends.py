"""What every `Backend` owes: one suite over all of them.

A backend is fitted twice for the whole suite, because Spark takes its time to start.
"""

import importlib.util
import os
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recommender.confidence import Confidence
from recommender.factors import Factors
from recommender.ids import IdMap
from recommender.matrix import InteractionMatrix
from tests import planted
from training.backends import Backend, make_backend
from training.backends.spark_als import has_java
from training.settings import AlsSettings

N = 20
"""Users and items on the checkerboard; one stranger of each comes after them."""

SETTINGS = {
    "implicit": AlsSettings(factors=6, iterations=8),
    "numba": AlsSettings(backend="numba", factors=6, iterations=8),
    "numba, scaled": AlsSettings(backend="numba", factors=6, iterations=8, frequency_scaling=1.0),
    "spark": AlsSettings(backend="spark", factors=6, iterations=8, spark_memory="512m", spark_master="local[2]"),
}
ROUNDING = {"implicit": 0.0, "numba": 0.0, "numba, scaled": 0.0, "spark": 1e-4}
"""How far two fits of the same matrix may lie apart."""


def missing(backend: str) -> str | None:
    """Why a backend cannot run here, or None."""
    if backend == "numba":
        found = importlib.util.find_spec("numba") is not None
        return None if found else "numba is not installed: pip install 'regulars[fast]'"
    return spark_is_missing() if backend == "spark" else None


def spark_is_missing() -> str | None:
    """Why Spark cannot run here, or None."""
    if os.environ.get("REGULARS_REQUIRE_SPARK") == "1":
        return None
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: make setup-spark"
    return None if has_java() else "there is no Java to run Spark"


@dataclass(frozen=True)
class Fitted:
    """A backend after two fits of the same matrix."""

    name: str
    backend: Backend
    matrix: InteractionMatrix
    first: Factors
    second: Factors
    advances: list[None] = field(default_factory=list)


def checkerboard_and_strangers() -> InteractionMatrix:
    """The checkerboard, with a user and an item nobody has anything to do with."""
    log = planted.checkerboard(N)
    known = InteractionMatrix.from_interactions(log, Confidence(alpha=20.0), now=planted.at(N + 1))
    c = csr_matrix(
        (known.confidence.data, known.confidence.indices, np.append(known.confidence.indptr, known.confidence.nnz)),
        shape=(N + 1, N + 1),
    )
    return InteractionMatrix(c, IdMap((*log.users.ids, "~stranger")), IdMap((*log.items.ids, "~stranger")))


@pytest.fixture(
    scope="module",
    params=[
        "implicit",
        "numba",
        "numba, scaled",
        pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.slow]),
    ],
)
def fitted(request: pytest.FixtureRequest) -> Fitted:
    """Each backend in turn."""
    name = request.param
    if reason := missing(SETTINGS[name].backend):
        pytest.skip(reason)
    backend, matrix = make_backend(SETTINGS[name]), checkerboard_and_strangers()
    advances: list[None] = []
    first = backend.fit(matrix, advance=lambda: advances.append(None))
    return Fitted(name, backend, matrix, first, backend.fit(matrix), advances)


def test_factors_have_the_shape_of_the_matrix(fitted: Fitted) -> None:
    """There is a float32 vector of the asked length for every user and every item."""
    factors = fitted.first
    assert (factors.user.shape, factors.item.shape) == ((N + 1, 6), (N + 1, 6))
    assert factors.user.dtype == factors.item.dtype == np.float32
    assert factors.regularization == SETTINGS[fitted.name].regularization


def test_taste_is_recovered(fitted: Fitted) -> None:
    """The best item that a user does not own is the one item of their colour that they never bought."""
    owned = fitted.matrix.confidence.toarray() > 0
    scores = np.where(owned, -np.inf, fitted.first.user @ fitted.first.item.T)
    assert scores[:N].argmax(axis=1).tolist() == list(range(N))


def test_strangers_have_zero_vectors(fitted: Fitted) -> None:
    """Who has no entry is recognised as cold, and everybody else is not."""
    for side in (fitted.first.user, fitted.first.item):
        assert [Factors.is_cold(vector) for vector in side] == [False] * N + [True]


def test_stored_vectors_are_the_folded_in_ones(fitted: Fitted) -> None:
    """Folding in a user's own entries changes nothing, so that no shelf jumps when a click arrives."""
    c, factors = fitted.matrix.confidence, fitted.first
    for u in range(N):
        row = c.getrow(u)
        np.testing.assert_allclose(factors.fold_in(row.indices, row.data), factors.user[u], rtol=1e-3, atol=1e-5)


def test_same_seed_gives_same_factors(fitted: Fitted) -> None:
    """A second fit of the same matrix gives the same vectors: to the bit, or as closely as the backend promises."""
    for first, second in ((fitted.first.user, fitted.second.user), (fitted.first.item, fitted.second.item)):
        np.testing.assert_allclose(first, second, rtol=0, atol=ROUNDING[fitted.name])


def test_every_iteration_is_reported(fitted: Fitted) -> None:
    """Progress is told once per iteration, neither more nor less often."""
    assert len(fitted.advances) == SETTINGS[fitted.name].iterations


def test_nobody_known_gives_zero_vectors(fitted: Fitted) -> None:
    """A matrix without an entry, as a log of guests gives, has factors too: all of them cold."""
    users, items = IdMap(("ann",)), IdMap(("milk", "tea"))
    nothing = InteractionMatrix(csr_matrix((1, 2), dtype=np.float32), users, items)
    factors = fitted.backend.fit(nothing)
    assert (factors.user.shape, factors.item.shape) == ((1, 6), (2, 6))
    assert not factors.user.any()
    assert not factors.item.any()


def test_libraries_are_named(fitted: Fitted) -> None:
    """A backend says which version of what computes."""
    assert all(version for version in fitted.backend.libraries.values())
    assert fitted.backend.libraries
