"""A purchase log that nobody wrote: people with tastes, and items of which some far outsell others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommender.ids import IdMap
from recommender.matrix import InteractionMatrix


@dataclass(frozen=True, slots=True, eq=False)
class MadeUpLog:
    """Confidences, and what is behind them."""

    matrix: InteractionMatrix
    kind: npt.NDArray[np.int64]
    """(n_items,) the taste that each item is for."""


def made_up_log(users: int, items: int, purchases: int, *, tastes: int) -> MadeUpLog:
    """Return a log in which six of ten purchases are of the buyer's taste, and some items far outsell others."""
    rng = np.random.default_rng(0)
    pull = 1 / (np.arange(items) + 10) ** 0.8
    keen = rng.lognormal(0, 1, users)
    taste, kind = rng.integers(0, tastes, users), rng.integers(0, tastes, items)
    user = rng.choice(users, purchases, p=keen / keen.sum())
    item = rng.choice(items, purchases, p=pull / pull.sum())
    own = rng.random(purchases) < 0.6
    for number in range(tastes):
        of_kind, wanted = np.flatnonzero(kind == number), np.flatnonzero(own & (taste[user] == number))
        if len(of_kind):
            item[wanted] = rng.choice(of_kind, len(wanted), p=pull[of_kind] / pull[of_kind].sum())
    c = csr_matrix((rng.uniform(1, 8, purchases).astype(np.float32), (user, item)), shape=(users, items))
    c.sum_duplicates()
    c.data += 1
    matrix = InteractionMatrix(
        c, IdMap(tuple(f"u{n:06d}" for n in range(users))), IdMap(tuple(f"i{n:06d}" for n in range(items)))
    )
    return MadeUpLog(matrix, kind)
