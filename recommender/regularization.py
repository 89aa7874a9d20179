"""How hard a vector is pulled towards zero, depending on how much is known about its row.

With the plain λ every row is pulled alike, so that a customer of a thousand items is hardly held back by it and one of
three items is all but flattened. Frequency-scaled regularisation (Rendle, Krichene, Zhang & Koren 2022, "Revisiting the
Performance of iALS on Item Recommendation Benchmarks", section 4) pulls in proportion to a power of the weight that
a row has in the loss::

    λ_u = λ (|I_u| + α₀ |I|)^ν / mean of (|I_u| + α₀ |I|)^ν over all users, and the same for items

|I_u| is the number of entries of the row, |I| that of the other side, and α₀ what an unobserved pair weighs beside an
observed one: 1 / mean of (c − 1) over the entries. ν = 0 is the plain λ. The division keeps the mean pull on each side
as it is, so that a λ that was good stays about right when ν changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommender.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class FrequencyScaling:
    """The factor by which λ is multiplied for a row of one side, users or items.

    Raises
    ------
    InvalidInput
        If a number is negative or not finite, or `scale` is 0.

    Examples
    --------
    >>> FrequencyScaling().of(7)
    1.0
    >>> FrequencyScaling(exponent=0.5, offset=9.0, scale=0.2).of(16)
    1.0
    """

    exponent: float = 0.0
    """ν: 0 for the plain λ."""
    offset: float = 0.0
    """α₀ times the number of rows of the other side."""
    scale: float = 1.0
    """1 / mean of (entries + offset)^ν over the rows that have entries."""

    def __post_init__(self) -> None:
        if not (0 <= self.exponent < np.inf and 0 <= self.offset < np.inf and 0 < self.scale < np.inf):
            raise InvalidInput(
                f"frequency scaling is {self}; exponent and offset must be at least 0, scale greater than 0"
            )

    def of(self, entries: int) -> float:
        """Return what λ is multiplied by for a row with so many entries."""
        return float(self.scale * (entries + self.offset) ** self.exponent)

    def of_rows(self, entries: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
        """Return (n,) the same for each of the rows with `entries` (n,)."""
        factor: npt.NDArray[np.float64] = self.scale * np.power(entries + self.offset, self.exponent, dtype=np.float64)
        return factor


PLAIN = FrequencyScaling()
"""The same λ for all rows."""


def frequency_scaling(c: csr_matrix, exponent: float) -> tuple[FrequencyScaling, FrequencyScaling]:
    """Return the scaling of users and of items for the confidences `c` (n_users, n_items).

    Raises
    ------
    InvalidInput
        If the mean of the entries is not above 1: then a pair that was seen weighs no more than one that was not.
    """
    if not exponent or not c.nnz:
        return PLAIN, PLAIN
    mean = float(c.data.mean(dtype=np.float64))
    if not 1 < mean < np.inf:
        raise InvalidInput(
            f"the mean confidence is {mean:g}, which must be greater than 1 for frequency scaling (exponent "
            f"{exponent:g}): raise alpha of the confidences, or take exponent 0 for the same regularization everywhere"
        )
    # An unobserved pair weighs 1, an observed one c − 1 more.
    alpha_0 = 1 / (mean - 1)
    n_users, n_items = c.shape
    return (
        _normed(exponent, alpha_0 * n_items, c.getnnz(axis=1)),
        _normed(exponent, alpha_0 * n_users, c.getnnz(axis=0)),
    )


def _normed(exponent: float, offset: float, entries: npt.NDArray[np.integer[Any]]) -> FrequencyScaling:
    plain = FrequencyScaling(exponent, offset)
    return FrequencyScaling(exponent, offset, 1 / float(plain.of_rows(entries[entries > 0]).mean()))
