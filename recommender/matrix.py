"""Users × items: the one table that matrix factorisation reads.

Each stored value is a confidence c_ui > 1; a pair that is not stored has c = 1, "we know nothing", which is not "no".
The matrix is canonical CSR (indices sorted, each pair once, nothing stored that means nothing), because training
libraries silently accept less and then train another model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from recommender.confidence import Confidence
from recommender.errors import InvalidInput
from recommender.ids import IdMap
from recommender.interactions import Interactions

_LEAST = np.nextafter(np.float32(1), np.float32(2))
"""A purchase so old that c rounds to 1 is still a purchase: it stays in the matrix with the smallest c above 1."""


@dataclass(frozen=True, slots=True, eq=False)
class InteractionMatrix:
    """Confidences of users in items.

    Raises
    ------
    InvalidInput
        If the shape is not that of the ids, the matrix is not canonical, or a value is not finite and above 1.

    Examples
    --------
    >>> values = csr_matrix(np.array([[0, 3.5]], dtype=np.float32))
    >>> InteractionMatrix(values, IdMap(("ann",)), IdMap(("milk", "tea"))).confidence.nnz
    1
    """

    confidence: csr_matrix
    """(n_users, n_items) float32 CSR, c_ui > 1 where stored."""
    users: IdMap
    """The ids of the rows."""
    items: IdMap
    """The ids of the columns."""

    def __post_init__(self) -> None:
        c = self.confidence
        if c.format != "csr" or c.dtype != np.float32 or not c.has_canonical_format:
            raise InvalidInput(f"confidence must be canonical float32 CSR, not {c.format} of {c.dtype}")
        if c.shape != (len(self.users), len(self.items)):
            raise InvalidInput(f"confidence is {c.shape} for {len(self.users)} users and {len(self.items)} items")
        if not (np.isfinite(c.data).all() and (c.data > 1).all()):
            raise InvalidInput("confidence must be finite and greater than 1 wherever it is stored")

    @classmethod
    def from_interactions(
        cls, interactions: Interactions, confidence: Confidence, *, now: np.datetime64
    ) -> InteractionMatrix:
        """Sum up the rows of each user and item; guests and events without a weight are left out."""
        rows = interactions.of_users().select_events(confidence.events)
        shape = (len(rows.users), len(rows.items))
        gain = confidence.of_rows(rows, now=now).astype(np.float64)
        # c_ui = 1 + Σ_rows; the conversion to CSR sums the rows of a pair, in their order
        total = coo_matrix((gain, (rows.user, rows.item)), shape=shape).tocsr()
        total.sum_duplicates()
        c = np.maximum((1 + total.data).astype(np.float32), _LEAST)
        return cls(csr_matrix((c, total.indices, total.indptr), shape=shape), rows.users, rows.items)
