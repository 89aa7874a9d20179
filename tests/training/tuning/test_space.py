"""Which settings are searched, and what a proposal becomes."""

from __future__ import annotations

import pytest

from recommender.errors import ConfigError
from training.settings import TrainingSettings
from training.tuning.space import KEYS, space_for, window_days, with_values, without_keys


def test_space_holds_the_current_settings() -> None:
    """However unusual a setting is, it lies in its range, and is written as it was."""
    strange = TrainingSettings.model_validate(
        {"als": {"factors": 1000, "regularization": 0.123456}, "neighbours": {"shrinkage": 0, "k": 3}}
    )
    for dimension in space_for(strange):
        assert dimension.low <= dimension.current <= dimension.high
        assert dimension.tidy(dimension.current) == dimension.current


def test_proposals_are_tidied() -> None:
    """Nobody writes a regularization of 12 digits into a file."""
    space = {dimension.key: dimension for dimension in space_for(TrainingSettings())}
    assert space["als.regularization"].tidy(0.0731482) == 0.0731
    assert space["als.factors"].tidy(77) == 80
    assert space["neighbours.k"].tidy(11) == 10
    assert space["neighbours.shrinkage"].tidy(6.9) == 5
    assert space["neighbours.shrinkage"].tidy(7.3) == 10


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_a_setting(key: str) -> None:
    """Each key can be set, and only it changes."""
    changed = with_values(TrainingSettings(), {key: 9})
    rest = without_keys(changed.parameters(), [key])
    assert rest == without_keys(TrainingSettings().parameters(), [key])
    assert changed != TrainingSettings()


def test_blend_that_is_not_learned_has_no_window() -> None:
    """The window of the blend is searched only where the blend is learned, up to the length of the validation."""
    learned = TrainingSettings.model_validate({"evaluation": {"test_days": 45}})
    fixed = TrainingSettings.model_validate({"blend": {"learn": False, "window_days": 90}})
    assert {d.key: d.high for d in space_for(learned)}["blend.window_days"] == window_days(learned) == 45
    assert "blend.window_days" not in {dimension.key for dimension in space_for(fixed)}
    assert window_days(fixed) == 30
    with pytest.raises(ConfigError, match="nothing to search"):
        space_for(fixed, ["blend.window_days"])


def test_unknown_key_is_named() -> None:
    """A key that cannot be searched is answered with those that can."""
    with pytest.raises(ConfigError, match=r"als.seed cannot be searched; these can: als.factors"):
        space_for(TrainingSettings(), ["als.seed"])
