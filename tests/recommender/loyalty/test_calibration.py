"""Measures of forecasts, by hand and by law."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.loyalty.calibration import PARTS, Accuracy, auc, brier

AMOUNTS = st.lists(st.integers(0, 50), min_size=1, max_size=60)


def test_perfect_forecast() -> None:
    """Who says exactly what comes has no error anywhere, and ten tenths."""
    came = np.arange(40)
    found = Accuracy.of("oracle", came.astype(float), came)
    assert (found.total, found.error, found.tenth_error) == (1, 0, 0)
    assert [tenth.n for tenth in found.tenths] == [4] * PARTS


def test_by_hand() -> None:
    """Twice too much is twice too much in every tenth; fewer customers than tenths have one each."""
    found = Accuracy.of("double", np.array([2.0, 4.0, 6.0]), np.array([1, 2, 3]))
    assert found.total == 2
    assert found.error == 2
    assert found.tenth_error == 1
    assert [(tenth.expected, tenth.observed) for tenth in found.tenths] == [(2, 1), (4, 2), (6, 3)]


def test_nothing_came() -> None:
    """Where nobody ordered there is no share of it."""
    assert Accuracy.of("hope", np.ones(3), np.zeros(3)).tenth_error == 0


@given(AMOUNTS)
def test_tenths_hold_everybody(amounts: list[int]) -> None:
    """Tenths part the customers, and their expectations ascend."""
    expected = np.array(amounts, dtype=float)
    found = Accuracy.of("any", expected, expected[::-1])
    assert sum(tenth.n for tenth in found.tenths) == len(amounts)
    means = [tenth.expected for tenth in found.tenths]
    assert means == sorted(means)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_auc_is_the_share_of_pairs(cases: list[tuple[int, bool]]) -> None:
    """Ranks give what counting every pair gives, ties for half."""
    score, happened = np.array([c[0] for c in cases]), np.array([c[1] for c in cases])
    pairs = [(a > b) + (a == b) / 2 for a in score[happened] for b in score[~happened]]
    assert auc(score, happened) == pytest.approx(np.mean(pairs) if pairs else 0.5)


def test_brier_by_hand() -> None:
    """A certain hit costs nothing, saying even a quarter, a certain miss one."""
    assert brier(np.array([1.0, 0.5, 1.0]), np.array([True, False, False])) == pytest.approx((0 + 0.25 + 1) / 3)
