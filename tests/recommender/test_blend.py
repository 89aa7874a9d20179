"""The blend is a weighted sum that can be taken apart."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.blend import COMPONENT_OF, FEATURES, Blend, Component
from recommender.errors import InvalidInput
from recommender.learning import DEFAULT_BLEND
from recommender.purpose import Purpose


def random_features(seed: int, n: int) -> npt.NDArray[np.float32]:
    """Return descriptions of `n` candidates."""
    return np.random.default_rng(seed).normal(size=(n, len(FEATURES))).astype(np.float32)


@given(st.integers(0, 2**32), st.integers(1, 50), st.sampled_from(Purpose))
def test_contributions_sum_to_what_sets_a_score_apart(seed: int, n: int, purpose: Purpose) -> None:
    """Over all components they are the score less the mean score."""
    features = random_features(seed, n)
    scores = DEFAULT_BLEND.score(features, purpose)
    contributions = DEFAULT_BLEND.contributions(features, purpose)
    assert contributions.shape == (n, len(Component))
    np.testing.assert_allclose(contributions.sum(axis=1), scores - scores.mean(), atol=1e-5)


@given(st.integers(0, 2**32), st.integers(1, 20))
def test_contribution_of_a_component_is_that_of_its_features(seed: int, n: int) -> None:
    """Other components' weights change nothing."""
    features = random_features(seed, n)
    for component in Component:
        mine = {name: 1.0 for name, owner in FEATURES.items() if owner is component}
        blend = Blend.from_weights({Purpose.ALL: mine})
        contributions = blend.contributions(features, Purpose.ALL)
        assert not np.delete(contributions, component, axis=1).any()
        own = features[:, component == COMPONENT_OF].sum(axis=1)
        np.testing.assert_allclose(contributions[:, component], own - own.mean(), atol=1e-4)


@pytest.mark.parametrize("purpose", Purpose)
def test_weights_have_names(purpose: Purpose) -> None:
    """What is named comes back by name; what is not weighs nothing."""
    blend = Blend.from_weights({purpose: {"owned": 2.0, "repeat_rate": -1.0}})
    named = blend.named(purpose)
    assert list(named) == list(FEATURES)
    assert {name: weight for name, weight in named.items() if weight} == {"owned": 2.0, "repeat_rate": -1.0}
    assert not any(blend.weights(other).any() for other in set(Purpose) - {purpose})


def test_unknown_feature_is_refused_by_name() -> None:
    """A misspelt weight is not silently nothing."""
    with pytest.raises(InvalidInput, match="no feature is called 'populer'; known are owned, "):
        Blend.from_weights({Purpose.NEW: {"populer": 1.0}})


@pytest.mark.parametrize("weights", [np.zeros(3, np.float32), np.full(len(FEATURES), np.nan, np.float32)])
def test_unusable_weights_are_refused(weights: npt.NDArray[np.float32]) -> None:
    """A blend of another program's features, or one that diverged, scores nothing."""
    zeros = np.zeros(len(FEATURES), np.float32)
    with pytest.raises(InvalidInput, match=f"blend new: {len(FEATURES)} finite weights"):
        Blend(all=zeros, new=weights, again=zeros, cart=zeros)


def test_every_component_speaks() -> None:
    """Explanations are given by component: none is without a feature."""
    assert set(FEATURES.values()) == set(Component)
