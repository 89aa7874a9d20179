"""Which settings a search varies, and how far.

A `Dimension` is one key of `regulars.toml` with the range it is tried in. The ranges are wide enough for a grocer and a
furniture shop; where the current setting lies outside, its range is widened to hold it, so that a search always begins
with what the shop has now. Proposals are tidied to numbers one would write into a file (three digits, steps): nobody
can tell 0.0731482 from 0.0731.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recommender.errors import ConfigError
from training.settings import TrainingSettings

Value = int | float

LEAST_WINDOW_DAYS = 7
"""A shorter window for the blend holds too few orders of anybody, and never a whole week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One setting that is searched."""

    key: str
    """Dotted, such as ``als.factors``."""
    low: float
    high: float
    step: int = 0
    """Proposals are whole multiples of this; 0 for numbers with a fraction."""
    log: bool = False
    """Whether a doubling matters as much from 1 to 2 as from 100 to 200."""
    grid: tuple[Value, ...] = ()
    """Proposals are moved to the nearest of these, where each new value is costly."""
    current: Value = 0
    """What the configuration says now."""

    @property
    def whole(self) -> bool:
        """Whether the setting is a whole number."""
        return self.step > 0

    def tidy(self, proposed: Value) -> Value:
        """Return the value that is written for a proposal; the current one stays what it is."""
        if proposed == self.current:
            return proposed
        if self.grid:
            return min(self.grid, key=lambda value: abs(math.log(value / max(proposed, 1e-9))))
        if self.whole:
            return int(min(max(round(proposed / self.step) * self.step, self.low), self.high))
        return float(f"{proposed:.3g}")


SPACE = (
    Dimension(key="als.factors", low=16, high=256, step=8, log=True),
    Dimension(key="als.regularization", low=1, high=500, log=True),
    Dimension(key="als.iterations", low=5, high=30, step=1),
    Dimension(key="confidence.alpha", low=0.5, high=40, log=True),
    Dimension(key="confidence.half_life_days", low=7, high=730, log=True),
    Dimension(key="neighbours.k", low=10, high=200, step=5, log=True),
    Dimension(key="neighbours.shrinkage", low=1, high=50, log=True, grid=(1.0, 2.0, 5.0, 10.0, 20.0, 50.0)),
    Dimension(key="blend.window_days", low=LEAST_WINDOW_DAYS, high=LEAST_WINDOW_DAYS, step=1),
)
"""Every setting that can be searched. Each value of `neighbours.shrinkage` costs one pass over all pairs of items,
which is kept; `neighbours.k` cuts what it found. The upper end of `blend.window_days` is the validation window."""

KEYS = tuple(dimension.key for dimension in SPACE)


def space_for(settings: TrainingSettings, keys: Iterable[str] = ()) -> tuple[Dimension, ...]:
    """Return the dimensions called `keys` (all, if none is named), fitted to `settings`.

    Raises
    ------
    ConfigError
        If a key cannot be searched, or nothing is left to search.
    """
    wanted = tuple(keys) or KEYS
    if unknown := [key for key in wanted if key not in KEYS]:
        raise ConfigError(f"{unknown[0]} cannot be searched; these can: {', '.join(KEYS)}")
    fitted = tuple(_fitted(dimension, settings) for dimension in SPACE if dimension.key in wanted)
    varied = tuple(dimension for dimension in fitted if dimension.low < dimension.high)
    if not varied:
        raise ConfigError(f"there is nothing to search: {', '.join(wanted)} can have one value only")
    return varied


def window_days(settings: TrainingSettings) -> int:
    """Return the length of the validation window of a search."""
    learned = settings.blend.window_days if settings.blend.learn else 0
    return max(settings.evaluation.test_days, learned)


def most_neighbours(space: Iterable[Dimension]) -> int:
    """Return the largest `neighbours.k` that a search may try; 1 where it is not searched."""
    return max((int(dimension.high) for dimension in space if dimension.key == "neighbours.k"), default=1)


def with_values(settings: TrainingSettings, values: Mapping[str, Value]) -> TrainingSettings:
    """Return `settings` with other values at some dotted keys."""
    content: dict[str, Any] = settings.model_dump()
    for key, value in values.items():
        section, _, name = key.partition(".")
        content[section][name] = value
    return TrainingSettings.model_validate(content)


def without_keys(parameters: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Return nested `parameters` without the dotted `keys`."""
    left_out = set(keys)
    return {
        section: {name: value for name, value in table.items() if f"{section}.{name}" not in left_out}
        for section, table in parameters.items()
    }


def _fitted(dimension: Dimension, settings: TrainingSettings) -> Dimension:
    section, _, name = dimension.key.partition(".")
    current: Value = getattr(getattr(settings, section), name)
    high = dimension.high
    if dimension.key == "blend.window_days":
        high = window_days(settings) if settings.blend.learn else dimension.low
        current = current if settings.blend.learn else int(dimension.low)
    low, high = min(dimension.low, current), max(high, current)
    return dataclasses.replace(dimension, low=low, high=high, log=dimension.log and low > 0, current=current)
