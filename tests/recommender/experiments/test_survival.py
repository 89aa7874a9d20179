"""Time until something happens, with watching that ends early."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.experiments.survival import survival


def test_a_table_by_hand() -> None:
    """Five visitors: events after 2 and 5 days, watching ended after 3, 6 and 9.

    S(2) = 4/5, S(5) = 4/5 · 2/3 = 8/15; Greenwood: 1/(5·4) + 1/(3·2) = 13/60.
    RMST(8) = 2·1 + 3·4/5 + 3·8/15 = 6.
    """
    days, happened = np.array([2.0, 3, 5, 6, 9]), np.array([True, False, True, False, False])
    found = survival(days, happened, horizon=8)
    assert found.share == pytest.approx(7 / 15)
    assert found.share_error == pytest.approx(8 / 15 * np.sqrt(13 / 60))
    assert found.days == pytest.approx(6)
    after_2, after_5 = 3 * 4 / 5 + 3 * 8 / 15, 3 * 8 / 15
    assert found.days_error == pytest.approx(np.sqrt(after_2**2 / 20 + after_5**2 / 6))
    assert (found.n, found.events, found.watched) == (5, 2, 1)


@given(st.lists(st.tuples(st.floats(0, 50), st.booleans()), min_size=1, max_size=60), st.floats(0.5, 40))
def test_if_all_are_watched_it_is_the_plain_mean(rows: list[tuple[float, bool]], horizon: float) -> None:
    """Without early ends: the share that it happened to, and the mean of min(days, horizon)."""
    happened = np.array([did for _, did in rows])
    days = np.where(happened, [at for at, _ in rows], horizon + 1)
    found = survival(days, happened, horizon=horizon)
    assert found.share == pytest.approx((happened & (days <= horizon)).mean())
    assert found.days == pytest.approx(np.where(happened, np.minimum(days, horizon), horizon).mean())


@given(st.lists(st.tuples(st.floats(0, 50), st.booleans()), min_size=1, max_size=40), st.randoms())
def test_order_does_not_matter(rows: list[tuple[float, bool]], chance: object) -> None:
    """Nor does counting everybody twice, save for the errors."""
    days, happened = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found, twice = (survival(np.tile(days[::step], n), np.tile(happened[::step], n), horizon=20.0)
                    for step, n in ((1, 1), (-1, 2)))  # fmt: skip
    assert twice.share == pytest.approx(found.share)
    assert twice.days == pytest.approx(found.days)


def test_early_ends_do_not_bias() -> None:
    """Exponential gaps of 20 days, watching that ends uniformly within 60: S and RMST are found, with their errors."""
    horizon, rng, share, days = 28.0, np.random.default_rng(5), [], []
    truth = 1 - np.exp(-horizon / 20), 20 * (1 - np.exp(-horizon / 20))
    gap, watched = rng.exponential(20, (400, 500)), rng.uniform(0, 60, (400, 500))
    for gap_, watched_ in zip(gap, watched, strict=True):
        found = survival(np.minimum(gap_, watched_), gap_ <= watched_, horizon=horizon)
        share.append((found.share - truth[0]) / found.share_error)
        days.append((found.days - truth[1]) / found.days_error)
    for scores in (np.array(share), np.array(days)):
        assert abs(scores.mean()) < 3 / np.sqrt(400)
        assert 0.92 < (np.abs(scores) < 1.96).mean() < 0.975
    came_back = (gap <= np.minimum(watched, horizon)).mean()
    assert came_back < truth[0] * 0.9, "who was not watched long enough would count as lost"


@pytest.mark.parametrize(
    ("days", "happened", "share", "mean"), [([], [], 0.0, 7.0), ([3.0], [True], 1.0, 3.0), ([9.0], [True], 0.0, 7.0)]
)
def test_edges(days: list[float], happened: list[bool], share: float, mean: float) -> None:
    """Nobody, everybody, and too late: values, and errors of 0."""
    found = survival(np.array(days), np.array(happened, dtype=np.bool_), horizon=7)
    assert (found.share, found.days, found.share_error, found.days_error) == (share, mean, 0.0, 0.0)
