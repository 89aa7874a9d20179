import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.bootstrap import Bootstrap
from recommender.errors import InvalidInput


def test_the_interval_is_that_of_the_normal_approximation() -> None:
    """For many users the percentile bootstrap agrees with mean ± 1.96 standard errors."""
    values = np.random.default_rng(1).random((4000, 1))
    [(low, high)] = Bootstrap(resamples=2000).intervals(Bootstrap(resamples=2000).means(values))
    error = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - error, abs=0.1 * error)
    assert high == pytest.approx(values.mean() + error, abs=0.1 * error)


def test_the_same_seed_draws_the_same_users() -> None:
    """Means are a function of values and seed."""
    values = np.random.default_rng(1).random((50, 2))
    assert np.array_equal(Bootstrap(seed=3).means(values), Bootstrap(seed=3).means(values))
    assert not np.array_equal(Bootstrap(seed=3).means(values), Bootstrap(seed=4).means(values))


def test_all_columns_share_the_draws() -> None:
    """A column shifted by a constant keeps that difference in every resample: differences are paired."""
    values = np.random.default_rng(1).random(40)
    means = Bootstrap(resamples=100).means(np.stack([values, values + 0.25], axis=1))
    assert np.allclose(means[:, 1] - means[:, 0], 0.25)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_resampled_means_stay_inside_the_values(values: list[float]) -> None:
    """A mean of drawn users lies between the smallest and the largest value."""
    column = np.array(values)[:, None]
    means = Bootstrap(resamples=20).means(column)
    assert means.shape == (20, 1)
    assert means.min() >= column.min() - 1e-12
    assert means.max() <= column.max() + 1e-12


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many resamples fit into memory at a time is no part of the answer."""
    values = np.random.default_rng(1).random((30, 3))
    at_once = Bootstrap(resamples=50).means(values)
    monkeypatch.setattr("recommender.bootstrap._BLOCK_COUNTS", 30 * 7)
    done: list[int] = []
    assert np.allclose(Bootstrap(resamples=50).means(values, advance=done.append), at_once)
    assert done == [7] * 7 + [1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"resamples": -1}, "resamples must be at least 0, not -1"), ({"level": 1.0}, "between 0 and 1, not 1.0")],
)
def test_impossible_settings_are_refused(settings: dict[str, float], message: str) -> None:
    """The message names the setting and its value."""
    with pytest.raises(InvalidInput, match=message):
        Bootstrap(**settings)  # type: ignore[arg-type]


def test_without_resamples_there_are_no_intervals() -> None:
    """Zero resamples are a way to ask for figures alone."""
    means = Bootstrap(resamples=0).means(np.ones((3, 2)))
    assert Bootstrap(resamples=0).intervals(means) == [(None, None), (None, None)]


def test_no_users_have_no_interval() -> None:
    """An empty group is an error, not NaN."""
    with pytest.raises(InvalidInput, match="no users"):
        Bootstrap().means(np.empty((0, 2)))
