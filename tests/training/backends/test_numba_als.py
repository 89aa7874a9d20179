"""Our own solver: it solves what it says, as well as implicit does, for any shape and any number of threads."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from recommender.errors import InvalidInput
from recommender.factors import Factors
from recommender.matrix import InteractionMatrix
from recommender.regularization import frequency_scaling
from tests import models, planted
from tests.training.backends.test_implicit_als import matrix_of, random_matrix
from training.backends import make_backend
from training.backends.implicit_als import ImplicitAls
from training.fitting import confidence_of
from training.progress import SilentProgress
from training.settings import AlsSettings
from training.steps import MeasuredProgress

pytest.importorskip("numba", reason="numba is not installed: pip install 'regulars[fast]'")

from training.backends.numba_als import NumbaAls

SETTINGS = AlsSettings(backend="numba", factors=8, regularization=0.1, iterations=6, seed=7)
EXPONENTS = [0.0, 0.5, 1.0]


def with_exponent(exponent: float) -> AlsSettings:
    """The settings with another ν."""
    return SETTINGS.model_copy(update={"frequency_scaling": exponent})


def solved(
    fixed: npt.NDArray[np.float32], rows: npt.NDArray[np.float32], pull: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Solve (VᵀCV + λI) x = VᵀC p of every row by the book, each with its own λ."""
    wide = fixed.astype(np.float64)
    return np.stack(
        [
            np.linalg.solve(
                (wide.T * np.where(c > 0, c, 1.0)) @ wide + own * np.eye(wide.shape[1]), wide.T @ c.astype(np.float64)
            )
            for c, own in zip(rows, pull, strict=True)
        ]
    )


def objective(matrix: InteractionMatrix, factors: Factors) -> float:
    """Σ c (p − x·y)² over all pairs + Σ λ |x|² over all rows (Hu, Koren & Volinsky 2008, eq. 3)."""
    c = matrix.confidence.toarray().astype(np.float64)
    scores = factors.user.astype(np.float64) @ factors.item.T.astype(np.float64)
    loss = np.sum(np.where(c > 0, c, 1.0) * ((c > 0) - scores) ** 2)
    norms = np.sum(factors.user.astype(np.float64) ** 2) + np.sum(factors.item.astype(np.float64) ** 2)
    return float(loss + factors.regularization * norms)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_users_solve_the_normal_equations(exponent: float) -> None:
    """The stored vector of every user is the textbook's, with their own λ."""
    matrix = random_matrix()
    factors = NumbaAls(with_exponent(exponent)).fit(matrix)
    scaling, _ = frequency_scaling(matrix.confidence, exponent)
    pull = SETTINGS.regularization * scaling.of_rows(matrix.confidence.getnnz(axis=1))
    expected = solved(factors.item, matrix.confidence.toarray(), pull)
    np.testing.assert_allclose(factors.user, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_items_solve_theirs_in_the_end(exponent: float) -> None:
    """Given time, both sides stand still: the items solve their equations for the users, too."""
    matrix = random_matrix()
    patient = with_exponent(exponent).model_copy(update={"iterations": 300, "regularization": 20.0})
    factors = NumbaAls(patient).fit(matrix)
    _, scaling = frequency_scaling(matrix.confidence, exponent)
    pull = 20.0 * scaling.of_rows(matrix.confidence.getnnz(axis=0))
    expected = solved(factors.user, matrix.confidence.T.toarray(), pull)
    np.testing.assert_allclose(factors.item, expected, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_stored_vector_is_the_folded_in_one(exponent: float) -> None:
    """A click must not make a shelf jump, with the scaled λ neither."""
    c = random_matrix().confidence
    factors = NumbaAls(with_exponent(exponent)).fit(random_matrix())
    assert factors.scaling.exponent == exponent
    plain = dataclasses.replace(factors, scaling=dataclasses.replace(factors.scaling, exponent=0.0, scale=1.0))
    moved = 0.0
    for user in range(c.shape[0]):
        row = c[user]
        np.testing.assert_allclose(factors.fold_in(row.indices, row.data), factors.user[user], rtol=1e-3, atol=1e-4)
        moved = max(moved, float(np.abs(plain.fold_in(row.indices, row.data) - factors.user[user]).max()))
    assert moved > 1e-3


@pytest.mark.parametrize("iterations", [3, 8, 15])
def test_objective_is_not_above_that_of_implicit(iterations: int) -> None:
    """After as many iterations it has come at least as far, on a shop with tastes."""
    shop = planted.shop()
    now = shop.log.time[-1]
    matrix = InteractionMatrix.from_interactions(shop.log, confidence_of(models.SETTINGS), now=now)
    settings = AlsSettings(factors=16, regularization=1.0, iterations=iterations)
    peer = objective(matrix, ImplicitAls(settings).fit(matrix))
    ours = objective(matrix, NumbaAls(settings.model_copy(update={"backend": "numba"})).fit(matrix))
    assert ours <= 1.001 * peer


def test_equal_rows_are_pulled_alike() -> None:
    """Where every row has the same number of entries, the exponent changes nothing."""
    both = np.kron(np.eye(2), np.full((6, 6), 5.0))
    plain, scaled = (NumbaAls(with_exponent(exponent)).fit(matrix_of(both)) for exponent in (0.0, 1.0))
    np.testing.assert_allclose(scaled.user, plain.user, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scaled.item, plain.item, rtol=1e-4, atol=1e-5)


def test_long_rows_are_pulled_harder() -> None:
    """With the exponent, the vectors of bestsellers are shorter, those of rare items longer than without."""
    matrix = random_matrix(300, 60)
    strong = {"regularization": 30.0}
    plain, scaled = (
        np.linalg.norm(NumbaAls(with_exponent(exponent).model_copy(update=strong)).fit(matrix).user, axis=1)
        for exponent in (0.0, 2.0)
    )
    entries = matrix.confidence.getnnz(axis=1)
    ratio = scaled[entries > 0] / plain[entries > 0]
    assert np.corrcoef(ratio, entries[entries > 0])[0, 1] < -0.5


def test_same_bytes_with_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who computes a row does not matter; another seed does."""
    monkeypatch.setattr("training.backends.numba_als._TASK_ENTRIES", 500)
    monkeypatch.setattr("training.backends.numba_als._BLOCK_ROWS", 64)
    matrix = random_matrix(300, 200)
    fits = [NumbaAls(with_exponent(0.5), threads=threads).fit(matrix) for threads in (1, 2, 7)]
    assert len({factors.user.tobytes() + factors.item.tobytes() for factors in fits}) == 1
    other = NumbaAls(with_exponent(0.5).model_copy(update={"seed": 8})).fit(matrix)
    assert other.item.tobytes() != fits[0].item.tobytes()


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((0, 4)),
        np.zeros((4, 0)),
        np.zeros((3, 2)),
        np.full((1, 1), 2.0),
        np.full((1, 5), 3.0),
        np.full((5, 1), 3.0),
        np.full((3, 2), 1e4),
        np.diag([0.0, 5.0, 0.0, 1.0000001]),
    ],
    ids=["no user", "no item", "no entry", "one pair", "one user", "one item", "fewer rows than factors", "strangers"],
)
@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_hostile_shapes(values: npt.NDArray[np.float64], exponent: float) -> None:
    """Whatever is empty, lonely or smaller than a vector is long: finite vectors, zero exactly for strangers."""
    matrix = matrix_of(values)
    factors = NumbaAls(with_exponent(exponent)).fit(matrix)
    for vectors, entries in ((factors.user, (values > 0).sum(axis=1)), (factors.item, (values > 0).sum(axis=0))):
        assert vectors.shape == (len(entries), SETTINGS.factors)
        assert (vectors.any(axis=1) == (entries > 0)).all()


def test_compiling_is_a_step() -> None:
    """What may take seconds once is said; afterwards fitting starts at once."""
    progress = MeasuredProgress(SilentProgress())
    NumbaAls(SETTINGS).prepare(progress)
    assert [record.name for record in progress.records] == ["compile"]


def test_divergence_is_named() -> None:
    """Factors that are no numbers never leave the backend; the message says which settings to change."""
    with pytest.raises(InvalidInput, match="raise regularization or lower factors"), np.errstate(all="ignore"):
        NumbaAls(SETTINGS).fit(matrix_of(np.full((3, 3), 3e38)))


def test_make_backend_gives_it() -> None:
    """The setting names it."""
    assert isinstance(make_backend(SETTINGS), NumbaAls)
