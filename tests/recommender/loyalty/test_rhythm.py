"""The rhythm: own gaps weigh more the more there are, and intervals hold what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.loyalty.rhythm import Rhythm, _log_likelihood

NOBODY_WAITED = np.zeros(1)


def planted(rhythm: Rhythm, *, n_users: int, gaps: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Gaps (n_users, gaps) of customers made by the model."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(rhythm.shape, 1 / rhythm.scale, n_users)
    return rng.gamma(rhythm.regularity, 1 / rate[:, None], (n_users, gaps))


def test_planted_parameters_are_found() -> None:
    """The fit finds the rhythm that made the gaps, within four standard errors."""
    truth = Rhythm(2.5, 3.0, 20.0)
    gaps = planted(truth, n_users=5_000, gaps=4, seed=3)
    found, fit = Rhythm.fit(np.full(5_000, 4), gaps.sum(axis=1), np.log(gaps).sum(axis=1))
    for value, error, true in zip(fit.estimate, fit.error, (2.5, 3.0, 20.0), strict=True):
        assert error is not None
        assert abs(value - true) < 4 * error
    assert found.regularity == fit.named()["regularity"]


@pytest.mark.parametrize("known", [0, 1, 8])
def test_intervals_hold_what_they_promise(known: int) -> None:
    """Of customers made by the model, eight in ten next gaps lie in the interval, however little is known of them."""
    truth = Rhythm(2.5, 3.0, 20.0)
    gaps = planted(truth, n_users=20_000, gaps=known + 1, seed=known)
    past, following = gaps[:, :known].sum(axis=1), gaps[:, known]
    counts, waited = np.full(20_000, known), np.zeros(20_000)
    low, high = (truth.quantile(share, counts, past, after=waited) for share in (0.1, 0.9))
    assert np.mean((low <= following) & (following <= high)) == pytest.approx(0.8, abs=0.01)


def test_interval_holds_for_who_has_waited() -> None:
    """Given that nothing came for ten days, half of the gaps still to come lie below the median."""
    truth = Rhythm(2.5, 3.0, 20.0)
    gaps = planted(truth, n_users=60_000, gaps=3, seed=9)
    late = gaps[gaps[:, 2] > 10]
    median = truth.quantile(0.5, np.full(len(late), 2), late[:, :2].sum(axis=1), after=np.full(len(late), 10.0))
    assert np.mean(late[:, 2] <= median) == pytest.approx(0.5, abs=0.01)
    assert (median > 10).all()


def test_own_rhythm_replaces_the_shop() -> None:
    """The interval of a customer with many gaps of a week is narrow and around a week, of a stranger wide."""
    rhythm = Rhythm(2.5, 3.0, 40.0)
    wide = [rhythm.quantile(share, np.array([0]), np.zeros(1), after=NOBODY_WAITED)[0] for share in (0.1, 0.5, 0.9)]
    own = [
        rhythm.quantile(share, np.array([60]), np.array([420.0]), after=NOBODY_WAITED)[0] for share in (0.1, 0.5, 0.9)
    ]
    assert 5 < own[1] < 9
    assert own[2] / own[0] < wide[2] / wide[0]


def test_who_waits_for_years_has_a_day_still() -> None:
    """Far in the tail quantiles stay finite, in order and ahead."""
    rhythm, waited = Rhythm(2.5, 3.0, 20.0), np.array([2_000.0])
    days = [rhythm.quantile(share, np.array([90]), np.array([600.0]), after=waited)[0] for share in (0.1, 0.5, 0.9)]
    assert np.isfinite(days).all()
    assert 2_000 <= days[0] < days[1] < days[2]


@given(st.floats(0.3, 8), st.floats(0.3, 8), st.floats(0.3, 8))
def test_gradient_is_the_slope(own: float, shape: float, scale: float) -> None:
    """The analytic gradient agrees with differences of the likelihood."""
    at, n = np.array([own, shape, scale]), np.array([1, 3])
    days, logs = np.array([0.7, 4.0]), np.array([np.log(0.7), np.log([0.5, 1.5, 2.0]).sum()])
    _, gradient = _log_likelihood(at, n, days, logs)
    for place, step in enumerate(np.eye(3) * 1e-5):
        up, down = (_log_likelihood(at + way * step, n, days, logs)[0] for way in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-5)


def test_clocks_are_on_time() -> None:
    """Where all gaps of all customers are alike the next one is too; who is late is expected at once."""
    gaps, days = np.full(40, 3), np.full(40, 21.0)
    clocks, _ = Rhythm.fit(gaps, days, np.full(40, 3 * np.log(7)))
    for share in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(clocks.quantile(share, gaps, days, after=np.zeros(40)), 7, rtol=0.02)
        late = clocks.quantile(share, gaps, days, after=np.full(40, 60.0))
        assert ((late >= 60) & (late < 61)).all()


def test_customers_of_one_rate_have_a_rhythm() -> None:
    """Where customers do not differ, the rhythm is that of the shop, and its intervals hold."""
    rng = np.random.default_rng(3)
    each = rng.exponential(15, (200, 21)).clip(min=1)
    past = each[:, :20]
    rhythm, _ = Rhythm.fit(np.full(200, 20), past.sum(axis=1), np.log(past).sum(axis=1))
    low, high = (rhythm.quantile(s, np.full(200, 20), past.sum(axis=1), after=np.zeros(200)) for s in (0.1, 0.9))
    assert np.mean((low <= each[:, 20]) & (each[:, 20] <= high)) == pytest.approx(0.8, abs=0.08)
