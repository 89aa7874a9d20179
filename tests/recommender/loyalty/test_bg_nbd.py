"""BG/NBD: the published estimates, and laws that hold of every fitted model."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.loyalty.bg_nbd import BgNbd, Pasts, _log_likelihood
from recommender.loyalty.calibration import Accuracy
from recommender.loyalty.likelihood import NoFit
from tests.recommender.loyalty import cdnow

PARAMETERS = st.floats(0.2, 6)


@pytest.fixture(name="pasts", scope="module")
def _pasts() -> Pasts:
    """The CDNOW sample in weeks."""
    table = cdnow.table()
    return Pasts(
        table["repeats"].astype(np.int64),
        table["last_days"] / cdnow.DAYS_PER_WEEK,
        table["age_days"] / cdnow.DAYS_PER_WEEK,
        table["customers"],
    )


def test_published_estimates(pasts: Pasts) -> None:
    """Fader, Hardie & Lee (2005), table 2: r .243, α 4.414, a .793, b 2.426, log-likelihood -9582.4."""
    model, fit = BgNbd.fit_form(pasts, leaves_at_once=False)
    assert (round(model.r, 3), round(model.alpha, 3)) == (0.243, 4.414)
    assert (round(model.a, 3), round(model.b, 3)) == (0.793, 2.426)
    assert round(fit.log_likelihood, 1) == -9582.4


def test_modified_estimates(pasts: Pasts) -> None:
    """The modified model on the same sample: r .525, α 6.183, a .891, b 1.614, as another program finds.

    They are no published estimates: the paper on the model (Batislam, Denizel & Filiztekin, 2007) speaks of a grocer's
    customers. They are what the package lifetimes expects of its own fit in its tests
    (https://github.com/CamDavidsonPilon/lifetimes, tests/test_estimation.py, test_params_out_is_close_to_BTYDplus).
    """
    model, _ = BgNbd.fit_form(pasts, leaves_at_once=True)
    assert [round(value, 3) for value in (model.r, model.alpha, model.a, model.b)] == [0.525, 6.183, 0.891, 1.614]


def test_the_following_weeks_are_forecast_better_than_by_rates(pasts: Pasts) -> None:
    """On the 39 weeks after, the forecast beats each customer's own rate, by tenth and for the single customer."""
    table = cdnow.table()
    model, _ = BgNbd.fit(pasts)
    weight = table["customers"].astype(np.int64)
    expected = np.repeat(model.expected(pasts.repeats, pasts.last, pasts.age, ahead=39.0), weight)
    rate, later = np.repeat(39 * pasts.repeats / pasts.age, weight), np.repeat(table["later"], weight)
    assert later.sum() == 1882
    ours, naive = Accuracy.of("forecast", expected, later), Accuracy.of("own rate", rate, later)
    assert ours.tenth_error < naive.tenth_error / 2
    assert ours.error < naive.error


def test_likelier_form_is_taken(pasts: Pasts) -> None:
    """Of two models with as many parameters, `fit` returns the one that explains more."""
    found, fit = BgNbd.fit(pasts)
    both = [BgNbd.fit_form(pasts, leaves_at_once=leaves)[1].log_likelihood for leaves in (False, True)]
    assert fit.log_likelihood == max(both)
    assert found.leaves_at_once == (both[1] > both[0])


def test_unit_of_time_does_not_matter(pasts: Pasts) -> None:
    """In days α is seven times as large, and the density of every repeat order a seventh."""
    days = Pasts(pasts.repeats, pasts.last * 7, pasts.age * 7, pasts.weight)
    (weeks, weekly), (daily_model, daily) = (BgNbd.fit_form(p, leaves_at_once=False) for p in (pasts, days))
    assert daily_model.alpha == pytest.approx(7 * weeks.alpha, rel=1e-3)
    repeats = float(pasts.weight @ pasts.repeats)
    assert daily.log_likelihood == pytest.approx(weekly.log_likelihood - repeats * np.log(7), abs=1e-3)


@given(PARAMETERS, PARAMETERS, PARAMETERS, PARAMETERS, st.booleans())
def test_gradient_is_the_slope(r: float, alpha: float, a: float, b: float, leaves: bool) -> None:
    """The analytic gradient agrees with differences of the likelihood."""
    last, age, weight = np.array([0.0, 2.0, 9.0]), np.array([10.0, 10.0, 11.0]), np.array([5.0, 2.0, 1.0])
    pasts = Pasts(np.array([0, 1, 4]), last, age, weight)
    at = np.array([r, alpha, a, b])
    _, gradient = _log_likelihood(at, pasts, leaves_at_once=leaves)
    for place, step in enumerate(np.eye(4) * 1e-5):
        up, down = (_log_likelihood(at + way * step, pasts, leaves_at_once=leaves)[0] for way in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize(("repeats", "last"), [(0, 0.0), (1, 5.0), (3, 20.0), (80, 39.0)])
def test_expected_orders_by_integration(leaves: bool, repeats: int, last: float) -> None:
    """Expected orders are the integral of λ over how long a customer stays, whose rate and p are still unsure.

    A customer alive at T with rate λ and probability p orders at λ exp(-pλt) at t later; λ is gamma(r + x, α + T) and p
    is beta(a, b + k) then.
    """
    model = BgNbd(0.6, 4.0, 0.7, 2.5, leaves_at_once=leaves)
    age, ahead, k = 39.0, 13.0, repeats + leaves
    x, t, ages = np.array([repeats]), np.array([last]), np.array([age])
    rng = np.random.default_rng(5)
    rate = rng.gamma(model.r + repeats, 1 / (model.alpha + age), 400_000)
    p = rng.beta(model.a, model.b + k, 400_000)
    simulated = float(np.mean((1 - np.exp(-p * rate * ahead)) / p))
    alive = float(model.alive(x, t, ages)[0])
    assert float(model.expected(x, t, ages, ahead=ahead)[0]) == pytest.approx(alive * simulated, rel=0.01)


@pytest.mark.parametrize("r", [1e3, 1e4, 1e5])
@pytest.mark.parametrize(("a", "b"), [(1e-4, 1.0), (1e-4, 1e5), (0.7, 2.5), (1e3, 1e-4), (1e5, 1e5)])
@pytest.mark.parametrize("leaves", [False, True])
def test_customers_all_alike_are_forecast(r: float, a: float, b: float, leaves: bool) -> None:
    """Where all order at one rate, expected orders are finite and at most that rate times the time ahead."""
    model = BgNbd(r, 15 * r, a, b, leaves_at_once=leaves)
    repeats, last, age = np.array([0, 1, 5, 20]), np.array([0.0, 10.0, 100.0, 290.0]), np.full(4, 300.0)
    alive, expected = model.alive(repeats, last, age), model.expected(repeats, last, age, ahead=90.0)
    assert ((alive >= 0) & (alive <= 1)).all()
    most = alive * 90 * (r + repeats) / (15 * r + age)
    assert ((expected >= 0) & (expected <= most * (1 + 1e-9))).all()
    if a < 1e-3 and b >= 1:  # next to nobody leaves
        np.testing.assert_allclose(expected, most, rtol=0.01)


def test_integral_agrees_with_the_formula() -> None:
    """Where both can be computed, expected orders do not depend on how they are."""
    repeats, last, age = np.array([0, 1, 5, 20]), np.array([0.0, 10.0, 100.0, 290.0]), np.full(4, 300.0)
    below, above = (BgNbd(r, 15_000.0, 0.7, 2.5, leaves_at_once=True) for r in (999.999, 1_000.001))
    formula, integral = (model.expected(repeats, last, age, ahead=90.0) for model in (below, above))
    np.testing.assert_allclose(integral, formula, rtol=1e-4)


def test_silence_for_ages_is_no_customer() -> None:
    """Odds beyond the range of numbers are certainty, of a single order too."""
    model = BgNbd(1e5, 1.0, 0.7, 2.5, leaves_at_once=False)
    alive = model.alive(np.array([0, 3]), np.zeros(2), np.full(2, 1e6))
    assert alive.tolist() == [1, 0]


def test_returning_is_likelier_the_longer_one_waits() -> None:
    """The probability of an order grows with the time ahead, up to that of being a customer at all."""
    model = BgNbd(0.6, 4.0, 0.7, 2.5, leaves_at_once=True)
    past: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]
    past = (np.array([0, 2, 9]), np.array([0.0, 10.0, 30.0]), np.array([39.0, 39.0, 39.0]))
    shares = [model.returns(*past, ahead=ahead) for ahead in (0.0, 1.0, 10.0, 1e9)]
    assert (np.diff(shares, axis=0) > 0).all()
    assert shares[0].tolist() == [0, 0, 0]
    np.testing.assert_allclose(shares[-1], model.alive(*past), rtol=1e-3)


def test_silence_makes_a_regular_less_alive() -> None:
    """Of two customers with as many orders, the one who came lately is likelier to be one still."""
    model = BgNbd(0.6, 4.0, 0.7, 2.5, leaves_at_once=False)
    repeats, age = np.array([9, 9]), np.array([39.0, 39.0])
    late, early = model.alive(repeats, np.array([38.0, 15.0]), age)
    assert late > 0.9 > early
    once = model.alive(np.array([0]), np.array([0.0]), np.array([300.0]))
    assert once[0] == 1  # the first form knows no leaving after the first order


def test_planted_parameters_are_found() -> None:
    """Of customers made by the model, the fit finds who made them, within four standard errors."""
    rng = np.random.default_rng(11)
    truth = BgNbd(0.8, 20.0, 1.2, 3.0, leaves_at_once=True)
    n, age = 20_000, 300
    rate, p = rng.gamma(truth.r, 1 / truth.alpha, n), rng.beta(truth.a, truth.b, n)
    stays = rng.geometric(p)  # orders until one leaves, the first among them
    repeats, last = np.zeros(n, np.int64), np.zeros(n)
    for user in range(n):
        times = np.cumsum(rng.exponential(1 / rate[user], min(int(stays[user]) - 1, 400)))
        times = times[times <= age]
        repeats[user], last[user] = len(times), times[-1] if len(times) else 0.0
    model, fit = BgNbd.fit(Pasts(repeats, last, np.full(n, float(age)), np.ones(n)))
    assert model.leaves_at_once
    for value, error, name in zip(fit.estimate, fit.error, fit.names, strict=True):
        assert error is not None
        assert abs(value - getattr(truth, name)) < 4 * error, name


def test_no_repeat_order_is_no_fit() -> None:
    """Where nobody came back, nothing tells how often they would."""
    nobody = Pasts(np.zeros(50, np.int64), np.zeros(50), np.full(50, 30.0), np.ones(50))
    with pytest.raises(NoFit, match="has no maximum"):
        BgNbd.fit(nobody)


def test_equal_pasts_are_one_row() -> None:
    """Grouping keeps every customer."""
    pasts = Pasts.grouped(np.array([2, 0, 2]), np.array([9, 0, 9]), np.array([10, 4, 10]))
    assert pasts.weight.tolist() == [1, 2]
    assert np.stack([pasts.repeats, pasts.last, pasts.age], axis=1).tolist() == [[0, 0, 4], [2, 9, 10]]
