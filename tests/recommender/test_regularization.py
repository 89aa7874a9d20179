"""Frequency-scaled regularisation: the formula, its mean, and what it is without an exponent."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recommender.errors import InvalidInput
from recommender.factors import Factors
from recommender.regularization import FrequencyScaling, frequency_scaling


def confidences(seed: int, *, extra: float = 4.0) -> csr_matrix:
    """A sparse matrix of 1 + `extra`, with an empty row and an empty column."""
    stored = np.random.default_rng(seed).random((7, 11)) < 0.4
    stored[0, 1] = True
    stored[3], stored[:, 5] = False, False
    return csr_matrix((stored * (1 + extra)).astype(np.float32))


@given(st.integers(0, 99), st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([0.25, 4.0, 40.0]))
def test_formula(seed: int, exponent: float, extra: float) -> None:
    """Rows relate to each other as (|I_u| + α₀|I|)^ν, where α₀ is one pair without an entry in pairs with one."""
    c = confidences(seed, extra=extra)
    users, items = frequency_scaling(c, exponent)
    for scaling, entries, others in ((users, c.getnnz(axis=1), 11), (items, c.getnnz(axis=0), 7)):
        expected = (entries + others / extra) ** exponent
        np.testing.assert_allclose(scaling.of_rows(entries), expected / expected[entries > 0].mean(), rtol=1e-6)


@given(st.integers(0, 99), st.floats(0, 2))
def test_mean_pull_is_kept(seed: int, exponent: float) -> None:
    """Whatever the exponent, λ keeps its mean over the rows of a side that have entries."""
    c = confidences(seed)
    for scaling, entries in zip(frequency_scaling(c, exponent), (c.getnnz(axis=1), c.getnnz(axis=0)), strict=True):
        assert scaling.of_rows(entries[entries > 0]).mean() == pytest.approx(1)
        assert scaling.of(int(entries[1])) == pytest.approx(float(scaling.of_rows(entries)[1]))


def test_without_an_exponent_all_rows_are_alike() -> None:
    """ν = 0 is the plain λ, to the bit; so is a log in which nothing is known."""
    assert frequency_scaling(confidences(1), 0.0) == (FrequencyScaling(), FrequencyScaling())
    assert frequency_scaling(csr_matrix((2, 3), dtype=np.float32), 1.0) == (FrequencyScaling(), FrequencyScaling())
    assert {FrequencyScaling().of(n) for n in (0, 1, 10**9)} == {1.0}


@given(st.integers(0, 99), st.integers(1, 5))
def test_fold_in_uses_the_scaled_pull(seed: int, n: int) -> None:
    """A user with n items is solved with λ · scaling(n), by the textbook's equations."""
    rng = np.random.default_rng(seed)
    y: npt.NDArray[np.float32] = rng.normal(size=(8, 3)).astype(np.float32)
    scaling = FrequencyScaling(exponent=1.0, offset=2.0, scale=0.5)
    factors = Factors(np.zeros((1, 3), np.float32), y, regularization=3.0, scaling=scaling)
    item, c = rng.permutation(8)[:n], rng.uniform(1, 9, n)
    diagonal, wanted = np.ones(8), np.zeros(8)
    diagonal[item], wanted[item] = c, c
    wide = y.astype(np.float64)
    expected = np.linalg.solve(wide.T @ (diagonal[:, None] * wide) + 3.0 * 0.5 * (n + 2) * np.eye(3), wide.T @ wanted)
    np.testing.assert_allclose(factors.fold_in(item, c), expected, rtol=1e-4, atol=1e-6)
    everything = np.arange(8)
    shares = factors.contributions(item, c, everything)
    np.testing.assert_allclose(shares.sum(axis=1), y @ expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"exponent": -1.0}, {"offset": np.nan}, {"scale": 0.0}, {"scale": np.inf}])
def test_impossible_numbers_are_refused(wrong: dict[str, float]) -> None:
    """A scaling that pulls in the wrong direction, or not at all, cannot be built."""
    with pytest.raises(InvalidInput, match="frequency scaling is"):
        FrequencyScaling(**wrong)


@pytest.mark.parametrize("extra", [0.0, -0.5, np.nan])
def test_confidences_that_say_nothing_are_refused(extra: float) -> None:
    """Where seen pairs weigh as little as unseen ones there is no α₀; without an exponent nobody asks for it."""
    c = confidences(1)
    c.data[:] = 1 + extra
    with pytest.raises(InvalidInput, match=r"the mean confidence is .*, which must be greater than 1"):
        frequency_scaling(c, 0.5)
    assert frequency_scaling(c, 0.0) == (FrequencyScaling(), FrequencyScaling())
