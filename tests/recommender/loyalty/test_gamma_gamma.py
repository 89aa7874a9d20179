"""Gamma-gamma: the published estimates, and shrinking towards the shop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.loyalty.gamma_gamma import GammaGamma, _log_likelihood
from recommender.loyalty.likelihood import NoFit
from tests.recommender.loyalty import cdnow

PARAMETERS = st.floats(0.3, 8)


def test_published_estimates() -> None:
    """Fader & Hardie (2013), on the 946 customers of the CDNOW sample with repeat orders: p 6.25, q 3.74, γ 15.44."""
    table = cdnow.table()
    again = table["repeats"] > 0
    assert again.sum() == 946
    model, fit = GammaGamma.fit(table["repeats"][again].astype(np.int64), table["mean_money"][again])
    # A hundredth is left to the rounding of the mean spending, which the table gives in cents.
    assert (model.p, model.q, model.gamma) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)
    assert all(error is not None and error > 0 for error in fit.error)


def test_few_orders_are_near_the_mean() -> None:
    """Of customers with the same mean, the one with many orders is believed."""
    model = GammaGamma(6.25, 3.74, 15.44)
    once, often = model.expected(np.array([1, 50]), np.array([100.0, 100.0]))
    assert model.mean < once < often < 100
    assert model.expected(np.array([0]), np.array([0.0]))[0] == pytest.approx(model.mean)


@given(PARAMETERS, PARAMETERS, PARAMETERS)
def test_gradient_is_the_slope(p: float, beyond: float, gamma: float) -> None:
    """The analytic gradient agrees with differences of the likelihood."""
    at, n, money = np.array([p, beyond, gamma]), np.array([1, 3, 8]), np.array([0.4, 1.1, 2.5])
    _, gradient = _log_likelihood(at, n, money)
    for place, step in enumerate(np.eye(3) * 1e-5):
        up, down = (_log_likelihood(at + way * step, n, money)[0] for way in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("money", [[5.0, 5.0, 5.0], [0.0, 0.0, 0.0]])
def test_constant_spending_is_no_fit(money: list[float]) -> None:
    """Where all pay the same, nothing tells how much customers differ."""
    with pytest.raises(NoFit, match="spend the same"):
        GammaGamma.fit(np.array([1, 2, 3]), np.array(money))
