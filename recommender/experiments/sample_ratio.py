"""Did the groups get the visitors they should have got? (Sample-ratio mismatch, Fabijan et al. 2019.)

A chi-square test of the counts against the configured shares. A mismatch means that visitors were lost or doubled
somewhere between the assignment and the count, and that they differ from those who were counted; then no difference
between the groups can be trusted, however sure it looks. The threshold is far below 0.05, as is usual for a check that
is made again and again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

THRESHOLD = 0.001


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Counts beside what was to be expected."""

    visitors: tuple[int, ...]
    expected: tuple[float, ...]
    p_value: float | None
    """How often chance alone would be as far off; None with fewer than two groups or no visitors."""

    @property
    def is_mismatch(self) -> bool:
        """Whether the groups cannot be compared."""
        return self.p_value is not None and self.p_value < THRESHOLD


def sample_ratio(visitors: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> SampleRatio:
    """Compare (g,) counts with (g,) shares."""
    expected = visitors.sum() * shares / shares.sum()
    p_value = None
    if len(visitors) > 1 and visitors.sum():
        p_value = float(stats.chisquare(visitors, expected).pvalue)
    return SampleRatio(tuple(visitors.tolist()), tuple(expected.tolist()), p_value)
