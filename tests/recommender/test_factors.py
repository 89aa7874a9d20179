"""Factors: fold-in is the textbook's linear system, and scores come apart into purchases."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.factors import Factors
from recommender.interactions import Interactions
from recommender.ranking import top_k
from recommender.regularization import FrequencyScaling


@dataclass(frozen=True)
class Case:
    """Random factors and one user's items."""

    factors: Factors
    item: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.float32]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw factors of any small shape, also with fewer items than factors, and a possibly empty past."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_items, size = draw(st.integers(1, 12)), draw(st.integers(1, 8))
    item = rng.permutation(n_items)[: draw(st.integers(0, n_items))].astype(np.int32)
    return Case(
        Factors(
            user=rng.normal(size=(3, size)).astype(np.float32),
            item=rng.normal(size=(n_items, size)).astype(np.float32),
            regularization=draw(st.sampled_from([0.01, 1.0, 50.0])),
        ),
        item,
        (1 + rng.exponential(20.0, len(item))).astype(np.float32),
    )


def textbook(case: Case) -> npt.NDArray[np.float64]:
    """Solve eq. 4 with the full diagonal matrix C and the full preference vector p."""
    y = case.factors.item.astype(np.float64)
    c, p = np.ones(len(y)), np.zeros(len(y))
    c[case.item], p[case.item] = case.confidence, 1
    system = y.T @ np.diag(c) @ y + case.factors.regularization * np.eye(y.shape[1])
    return np.asarray(np.linalg.solve(system, y.T @ np.diag(c) @ p), dtype=np.float64)


@given(cases())
def test_fold_in_solves_the_normal_equations(case: Case) -> None:
    """The short cut over a user's own rows gives the solution of the full system."""
    vector = case.factors.fold_in(case.item, case.confidence)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, textbook(case), rtol=1e-4, atol=1e-5)


@given(st.integers(0, 2**32), st.integers(1, 40), st.sampled_from([0.0, 0.7]), st.sampled_from([0.1, 30.0]))
def test_a_few_items_are_folded_in_like_many(seed: int, m: int, exponent: float, regularization: float) -> None:
    """On both sides of where the smaller system changes, and whether λ grows with the items or not."""
    rng = np.random.default_rng(seed)
    factors = Factors(
        user=np.zeros((1, 24), np.float32),
        item=(rng.normal(size=(200, 24)) * rng.lognormal(-1, 1, (200, 1))).astype(np.float32),
        regularization=regularization,
        scaling=FrequencyScaling(exponent=exponent, offset=3.0, scale=0.5),
    )
    item, c = rng.permutation(200)[:m], (1 + rng.exponential(20.0, m)).astype(np.float32)
    y, own = factors.item.astype(np.float64), factors.item[item].astype(np.float64)
    pull = regularization * factors.scaling.of(m)
    expected = np.linalg.solve(y.T @ y + own.T @ np.diag(c - 1.0) @ own + pull * np.eye(24), own.T @ c)
    np.testing.assert_allclose(factors.fold_in(item, c), expected, rtol=1e-5, atol=1e-6)


@given(cases(), st.randoms(use_true_random=False))
def test_order_of_the_past_does_not_matter(case: Case, random: Any) -> None:
    """A user's items are a set."""
    order = list(range(len(case.item)))
    random.shuffle(order)
    again = case.factors.fold_in(case.item[order], case.confidence[order])
    np.testing.assert_allclose(again, case.factors.fold_in(case.item, case.confidence), rtol=1e-4, atol=1e-5)


@given(cases())
def test_contributions_sum_to_the_scores(case: Case) -> None:
    """What the purchases add up to is the score that is shown."""
    target = np.arange(len(case.factors.item), dtype=np.int32)
    contributions = case.factors.contributions(case.item, case.confidence, target)
    assert contributions.shape == (len(target), len(case.item))
    scores = case.factors.scores(case.factors.fold_in(case.item, case.confidence))
    np.testing.assert_allclose(contributions.sum(axis=1), scores, rtol=1e-3, atol=1e-4)


@given(cases())
def test_losses_are_what_leaving_out_costs(case: Case) -> None:
    """The short cut agrees with folding in again without each item."""
    target = np.arange(len(case.factors.item), dtype=np.int32)
    losses = case.factors.item @ case.factors.leaving_out(case.item, case.confidence)
    assert losses.shape == (len(target), len(case.item))
    before = case.factors.scores(case.factors.fold_in(case.item, case.confidence))
    for column in range(len(case.item)):
        rest = np.arange(len(case.item)) != column
        after = case.factors.scores(case.factors.fold_in(case.item[rest], case.confidence[rest]))
        np.testing.assert_allclose(losses[:, column], before - after, rtol=1e-3, atol=1e-3)


def test_stranger_is_cold() -> None:
    """Without a past the vector is zero, and says so; any purchase ends that."""
    factors = Factors(np.zeros((0, 2), np.float32), np.eye(3, 2, dtype=np.float32), regularization=1.0)
    nobody = factors.fold_in(np.empty(0, np.int32), np.empty(0, np.float32))
    assert Factors.is_cold(nobody)
    assert not Factors.is_cold(factors.fold_in(np.array([0]), np.array([2.0])))
    # An item without factors teaches nothing either.
    assert Factors.is_cold(factors.fold_in(np.array([2]), np.array([2.0])))


def test_gram_is_that_of_the_item_vectors() -> None:
    """The Gram matrix is right beyond one block, and for an empty catalogue."""
    y = np.random.default_rng(0).normal(size=(40_000, 3)).astype(np.float32)
    factors = Factors(np.zeros((1, 3), np.float32), y, regularization=1.0)
    np.testing.assert_allclose(factors.gram, y.astype(np.float64).T @ y.astype(np.float64), rtol=1e-12)
    assert not Factors(np.zeros((1, 3), np.float32), y[:0], regularization=1.0).gram.any()


def test_alternating_fold_ins_learn_the_checkerboard(checkerboard: Interactions) -> None:
    """Solving users and items in turn is ALS: it finds the one item each user should have bought."""
    n, size = len(checkerboard.users), 4
    rng = np.random.default_rng(1)
    users, items = (rng.normal(scale=0.1, size=(n, size)).astype(np.float32) for _ in range(2))
    owned = [checkerboard.item[checkerboard.user == u] for u in range(n)]
    owners = [checkerboard.user[checkerboard.item == i] for i in range(n)]

    def solve(fixed: npt.NDArray[np.float32], pasts: list[npt.NDArray[np.int32]]) -> npt.NDArray[np.float32]:
        factors = Factors(fixed, fixed, regularization=0.1)
        return np.stack([factors.fold_in(past, np.full(len(past), 10.0)) for past in pasts])

    for _ in range(8):
        users = solve(items, owned)
        items = solve(users, owners)
    factors = Factors(users, items, regularization=0.1)
    for u in range(n):
        assert top_k(factors.scores(users[u]), 1, exclude=owned[u]).item.tolist() == [u]


@pytest.mark.parametrize("confidence", [[0.5], [np.nan], [np.inf], [-3.0]])
def test_confidence_below_one_is_refused(confidence: list[float]) -> None:
    """A bare alpha · r, as implicit has it, is not a confidence: values below 1 would punish what a user bought."""
    factors = Factors(np.zeros((1, 2), np.float32), np.ones((3, 2), np.float32), regularization=1.0)
    with pytest.raises(InvalidInput, match="below 1 or not finite"):
        factors.fold_in(np.array([0]), np.array(confidence))
    with pytest.raises(InvalidInput, match="below 1 or not finite"):
        factors.contributions(np.array([0]), np.array(confidence), np.array([1]))


@pytest.mark.parametrize(
    ("user", "item", "regularization", "problem"),
    [
        (np.ones((2, 3), np.float32), np.ones((4, 2), np.float32), 1.0, "widths must agree"),
        (np.ones(3, np.float32), np.ones((4, 3), np.float32), 1.0, "widths must agree"),
        (np.ones((2, 3)), np.ones((4, 3), np.float32), 1.0, "user factors must be float32"),
        (np.ones((2, 3), np.float32), np.full((4, 3), np.nan, np.float32), 1.0, "item factors are not finite"),
        (np.ones((2, 3), np.float32), np.ones((4, 3), np.float32), 0.0, "regularization is 0.0"),
    ],
)
def test_unusable_factors_are_refused(
    user: npt.NDArray[Any], item: npt.NDArray[Any], regularization: float, problem: str
) -> None:
    """Factors that cannot score are refused where they are made."""
    with pytest.raises(InvalidInput, match=problem):
        Factors(user, item, regularization)
