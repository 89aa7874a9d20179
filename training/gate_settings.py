"""The section `[gate]` of `regulars.toml`: how much better a version must be, and how much worse it may be."""

from __future__ import annotations

from pydantic import Field

from training.section import Section


class GateSettings(Section):
    """What a version must show before it may be published: nDCG on the test window, compared user by user."""

    min_lift_popularity: float = 0.0
    """nDCG on all items must exceed popularity's by more than this share of it."""
    min_lift_recent_popularity: float = 0.0
    """The same for the popularity of the last 30 days, where that was measured."""
    min_lift_own_top: float = 0.0
    """nDCG on all items must exceed the user's own top list by more than this share of it."""
    min_lift_own_recent_top: float = 0.0
    """The same for the own top list that prefers recent orders, where that was measured."""
    min_lift_popularity_new: float = 0.0
    """nDCG on new items must be at least popularity's, raised by this share of it."""
    min_lift_recent_popularity_new: float = 0.0
    """The same for the popularity of the last 30 days, where that was measured."""
    min_users: int = Field(default=200, ge=0)
    """Measured users from which on the rules above hold for the mean; with fewer, only a clear loss is refused."""
    max_loss_other: float = Field(default=0.0, ge=0)
    """Share of a baseline's nDCG that may be lost clearly where no rule above applies, as for buying again."""
    max_regression: float = Field(default=0.01, ge=0)
    """Share of the served version's nDCG that may be lost clearly; 1 switches the rule off."""
    max_loss_best: float = Field(default=0.01, ge=0)
    """Share that may be lost clearly among the best fifth of customers by value; 1 switches the rule off."""
    allow_unevaluated: bool = False
    """Whether a version may be published whose log was too short to evaluate it."""
