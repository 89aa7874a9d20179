"""How sure a mean over users is: the percentile bootstrap (Efron & Tibshirani 1993, ch. 13).

Users are drawn with replacement as often as there are users, and the mean is taken again; the middle 95 % of
many such means is the interval. All columns (metrics × rankers) share the same draws, so the interval of a
difference between two rankers is that of the paired difference, the users being the same.

A resample is a vector of counts (n_users,), and a block of resamples times the columns is one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput

Interval = tuple[float, float] | tuple[None, None]
"""Low and high end; None where no resamples were drawn."""

_BLOCK_COUNTS = 1 << 24
"""Counts held at a time (128 MiB as float64)."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are drawn.

    Raises
    ------
    InvalidInput
        If there are fewer than 0 resamples or the level is not between 0 and 1.
    """

    resamples: int = 1000
    """0 for figures without intervals."""
    level: float = 0.95
    """Share of the resampled means inside the interval."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 0:
            raise InvalidInput(f"resamples must be at least 0, not {self.resamples}")
        if not 0 < self.level < 1:
            raise InvalidInput(f"level must lie between 0 and 1, not {self.level}")

    def means(
        self, columns: npt.NDArray[np.float64], *, advance: Callable[[int], None] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return (resamples, n_columns) the mean of every column in every resample.

        Parameters
        ----------
        columns
            (n_users, n_columns) one value per user.
        advance
            Called with the number of resamples just finished.
        """
        n_users = len(columns)
        if not n_users:
            raise InvalidInput("a mean over no users has no interval")
        means = [np.empty((0, columns.shape[1]))]
        for counts in self._counts(n_users):
            means.append(counts @ columns / n_users)
            if advance is not None:
                advance(len(counts))
        return np.concatenate(means)

    def intervals(self, means: npt.NDArray[np.float64]) -> list[Interval]:
        """Return the interval of each column of resampled means (resamples, n_columns)."""
        if not len(means):
            return [(None, None)] * means.shape[1]
        tail = (1 - self.level) / 2
        low, high = np.quantile(means, [tail, 1 - tail], axis=0).tolist()
        return list(zip(low, high, strict=True))

    def _counts(self, n_users: int) -> Iterator[npt.NDArray[np.float64]]:
        """Yield blocks (b, n_users): how often each user is drawn in each resample."""
        rng = np.random.default_rng(self.seed)
        block = max(1, _BLOCK_COUNTS // n_users)
        for start in range(0, self.resamples, block):
            size = min(block, self.resamples - start)
            counts = np.empty((size, n_users))
            for row in counts:
                row[:] = np.bincount(rng.integers(n_users, size=n_users), minlength=n_users)
            yield counts
