"""What we ask of the library, and each way in which it would otherwise mislead us."""

import re
import subprocess
import sys
from pathlib import Path

import implicit.cpu.als
import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import coo_matrix, csr_array, csr_matrix

from recommender.errors import InvalidInput
from recommender.factors import Factors
from recommender.ids import IdMap
from recommender.matrix import InteractionMatrix
from recommender.ranking import top_k
from training.backends.implicit_als import ImplicitAls
from training.settings import AlsSettings

SETTINGS = AlsSettings(factors=8, regularization=0.1, iterations=6, seed=7)


def matrix_of(values: npt.ArrayLike) -> InteractionMatrix:
    """A matrix of confidences; 0 stands for a pair that is not stored."""
    c = csr_matrix(np.asarray(values, dtype=np.float32))
    users, items = c.shape
    return InteractionMatrix(
        c, IdMap(tuple(f"u{n:03d}" for n in range(users))), IdMap(tuple(f"i{n:03d}" for n in range(items)))
    )


def random_matrix(n_users: int = 30, n_items: int = 20) -> InteractionMatrix:
    """A third of all pairs, with confidences between 1 and 40."""
    rng = np.random.default_rng(3)
    values = rng.uniform(1.5, 40, (n_users, n_items)) * (rng.random((n_users, n_items)) < 0.3)
    values[4] = 0  # a user without purchases
    values[:, 5] = 0  # an item nobody bought
    return matrix_of(values)


@pytest.fixture(scope="module")
def fitted() -> Factors:
    """The factors of the random matrix."""
    return ImplicitAls(SETTINGS).fit(random_matrix())


def normal_equations(
    item: npt.NDArray[np.float32], c_u: npt.NDArray[np.float32], regularization: float
) -> npt.NDArray[np.float64]:
    """Solve (YᵀCY + λI) x = YᵀC p by the book, with the full diagonal matrix C."""
    wide = item.astype(np.float64)
    diagonal = np.diag(np.where(c_u > 0, c_u, 1.0))
    right = wide.T @ diagonal @ (c_u > 0).astype(np.float64)
    return np.linalg.solve(wide.T @ diagonal @ wide + regularization * np.eye(wide.shape[1]), right)


def test_users_solve_the_normal_equations(fitted: Factors) -> None:
    """The stored vector of every user is the textbook's, with our c as the confidence and nothing
    multiplied in.
    """
    dense = random_matrix().confidence.toarray()
    for user, c_u in enumerate(dense):
        expected = normal_equations(fitted.item, c_u, SETTINGS.regularization)
        np.testing.assert_allclose(fitted.user[user], expected, rtol=1e-3, atol=1e-4)


def test_multiplying_alpha_twice_would_show(fitted: Factors) -> None:
    """The same equations with alpha · c, which is what the library's own alpha does, give another vector."""
    c_u = random_matrix().confidence.toarray()[0]
    wrong = normal_equations(fitted.item, 20 * c_u, SETTINGS.regularization)
    assert np.abs(fitted.user[0] - wrong).max() > 0.01


def test_stored_vector_is_the_folded_in_one(fitted: Factors) -> None:
    """A click must not make a shelf jump: folding in what is already known changes nothing."""
    c = random_matrix().confidence
    for user in range(c.shape[0]):
        row = c[user]
        np.testing.assert_allclose(fitted.fold_in(row.indices, row.data), fitted.user[user], rtol=1e-3, atol=1e-4)


def test_strangers_are_zero(fitted: Factors) -> None:
    """A user or an item without a single row is cold, not random."""
    assert Factors.is_cold(fitted.user[4])
    assert not fitted.item[5].any()
    assert fitted.user[3].any()
    assert fitted.item[6].any()


def test_library_recommends_to_strangers_and_pads() -> None:
    """Why its `recommend` is never called: a stranger gets items at 0.0, and past the catalogue comes item
    0.
    """
    c = random_matrix().confidence
    model = implicit.cpu.als.AlternatingLeastSquares(factors=8, iterations=2, random_state=1)
    model.fit(c, show_progress=False)
    ids, scores = model.recommend(4, c[4], N=25)
    assert not scores.any()
    assert ids[-1] == ids[-2] == 0


def test_our_ranking_never_pads(fitted: Factors) -> None:
    """Asked for more than there is, the list is as long as the catalogue, each item once."""
    ranked = top_k(fitted.scores(fitted.user[0]), 25)
    assert sorted(ranked.item.tolist()) == list(range(20))


def test_seed_is_an_integer() -> None:
    """The library fails on a RandomState: what the settings hold, and we pass on, is an int."""
    broken = implicit.cpu.als.AlternatingLeastSquares(factors=2, iterations=1, random_state=np.random.RandomState(0))
    with pytest.raises(AttributeError):
        broken.fit(random_matrix().confidence, show_progress=False)
    assert type(SETTINGS.seed) is int


def test_same_seed_same_bytes(fitted: Factors) -> None:
    """A second fit is bit-identical, another seed is not."""
    again = ImplicitAls(SETTINGS).fit(random_matrix())
    other = ImplicitAls(SETTINGS.model_copy(update={"seed": 8})).fit(random_matrix())
    assert again.user.tobytes() == fitted.user.tobytes()
    assert again.item.tobytes() == fitted.item.tobytes()
    assert other.item.tobytes() != fitted.item.tobytes()


def test_same_bytes_with_other_threads() -> None:
    """How many BLAS threads the environment asks for changes nothing, and causes no warning."""
    code = (
        "import hashlib, warnings; warnings.simplefilter('error')\n"
        "from tests.training.backends.test_implicit_als import *\n"
        "f = ImplicitAls(SETTINGS).fit(random_matrix(300, 200))\n"
        "print(hashlib.sha256(f.user.tobytes() + f.item.tobytes()).hexdigest())"
    )
    root = str(Path(__file__).parents[3])
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": root, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "4")
    }
    assert len(digests) == 1


def test_matrix_that_would_mislead_the_library_cannot_be_built() -> None:
    """Explicit zeros and repeated entries would train another model; the matrix refuses both."""
    ids = IdMap(("a", "b"))
    zeros = csr_matrix((np.array([2, 0], np.float32), ([0, 1], [0, 1])), shape=(2, 2))
    with pytest.raises(InvalidInput, match="greater than 1"):
        InteractionMatrix(zeros, ids, ids)
    repeated = csr_matrix((np.array([2, 2], np.float32), np.array([0, 0]), np.array([0, 2, 2])), shape=(2, 2))
    with pytest.raises(InvalidInput, match="canonical"):
        InteractionMatrix(repeated, ids, ids)


def test_library_takes_zeros_and_repeats_for_something_else() -> None:
    """Why: the same data written with a zero, or in two entries, gives the library other factors."""

    def fit(c: csr_matrix) -> npt.NDArray[np.float32]:
        model = implicit.cpu.als.AlternatingLeastSquares(factors=3, iterations=3, random_state=1)
        model.fit(c, show_progress=False)
        return np.asarray(model.item_factors)

    clean = random_matrix().confidence
    coo = coo_matrix(clean)
    row, column = np.append(coo.row, 0), np.append(coo.col, np.flatnonzero(clean.toarray()[0] == 0)[0])
    zero = csr_matrix((np.append(coo.data, np.float32(0)), (row, column)), shape=clean.shape)
    halves = csr_matrix(
        (np.repeat(clean.data / 2, 2), np.repeat(clean.indices, 2), clean.indptr * 2), shape=clean.shape
    )
    assert not np.allclose(fit(clean), fit(zero), atol=1e-4)
    assert not np.allclose(fit(clean), fit(halves), atol=1e-4)


def test_sparse_arrays_become_matrices() -> None:
    """The newer array type, which the library refuses in places, is the same to us."""
    plain = random_matrix()
    array = InteractionMatrix(csr_array(plain.confidence), plain.users, plain.items)
    backend = ImplicitAls(SETTINGS)
    assert backend.fit(array).item.tobytes() == backend.fit(plain).item.tobytes()


def test_progress_is_reported_per_iteration() -> None:
    """A progress bar gets one step for each pass."""
    steps: list[None] = []
    ImplicitAls(SETTINGS).fit(random_matrix(), advance=lambda: steps.append(None))
    assert len(steps) == SETTINGS.iterations


def test_a_log_of_guests_only() -> None:
    """Without a single known user there is nothing to factorise, and nothing fails."""
    factors = ImplicitAls(SETTINGS).fit(matrix_of(np.zeros((0, 4))))
    assert factors.user.shape == (0, 8)
    assert not factors.item.any()


def test_divergence_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Factors that are no numbers never leave the backend; the message says which settings to change."""
    backend = ImplicitAls(SETTINGS)
    nan = np.full((30, 8), np.nan, np.float32)
    monkeypatch.setattr(backend, "_settled", lambda c, user, item: (nan, item))
    with pytest.raises(InvalidInput, match=re.escape("raise regularization or lower factors in [als]")):
        backend.fit(random_matrix())


def test_library_error_is_translated() -> None:
    """When the library itself gives up on NaN, the message is ours."""
    settings = SETTINGS.model_copy(update={"regularization": 1e-30, "factors": 64})
    c = np.full((3, 3), 3e38)
    with pytest.raises(InvalidInput, match="the factors diverged"):
        ImplicitAls(settings).fit(matrix_of(c))
