"""Vector diversity@k: how far apart do the items of one list lie in taste?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recommender.item_lists import ItemLists


def vector_diversity(rankings: ItemLists, *, k: int, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return each user's mean of 1 − cosine over the pairs of the first `k` items, 0 to 2.

    Intra-list diversity (Castells, Hurley & Vargas 2015) by item vectors. An item without a vector (all zeros) has
    cosine 0 with every other. A list of fewer than two items has no pairs and diversity 0.

    >>> vectors = np.array([[1, 0], [2, 0], [0, 3]], dtype=np.float32)
    >>> vector_diversity(ItemLists.from_rows([[0, 1], [0, 2], [1]]), k=2, vectors=vectors)
    array([0., 1., 0.])

    Parameters
    ----------
    rankings
        n_users lists, best first.
    k
        How many places are looked at.
    vectors
        (n_items, f) of any length; only their directions count.
    """
    top = rankings.top(k)
    length = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    chosen = sparse.csr_array(
        (np.ones(len(top.item)), top.item.astype(np.int64), top.indptr), shape=(len(top), len(vectors))
    )
    # Σ_{i≠j} cos(i, j) = ‖Σ_i v_i‖² − Σ_i ‖v_i‖² for unit vectors: no loop over pairs
    total = chosen @ unit
    cosines = (total**2).sum(axis=1) - chosen @ (length[:, 0] > 0).astype(np.float64)
    pairs = top.lengths * (top.lengths - 1)
    diversity = np.clip(1 - cosines / np.maximum(pairs, 1), 0, 2)
    return np.where(pairs > 0, diversity, 0.0)
