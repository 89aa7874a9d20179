"""People with a similar past: what those most like someone bought.

Item neighbours ask what goes with the things a person bought, one thing at a time; peers ask who bought them, all at
once. With U(i) the users who bought i and I(v) what v bought, the likeness of a past H to a user v is

    likeness(v) = Σ_{i ∈ H ∩ I(v)} |U(i)|^-rarity / |I(v)|^modesty

so that sharing something rare says more, and someone who buys everything is like nobody. The `k` most alike vote:

    score(j) = |U(j)|^-discount · Σ_{v among the k} likeness(v) · [j ∈ I(v)]

Nothing is stored per user but what they bought, so a guest and a past with fresh events are served like everybody
else, in time proportional to the buyers of what they bought. Purchases count; looks do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.histories import History
from recommender.interactions import Interactions
from recommender.ranking import Ranked
from recommender.tally import Tally, places

MOST_BUYERS = 20_000
"""An item that more people bought makes nobody alike; it is left out of likeness, which bounds the time for a past."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinship:
    """Who counts as alike, and how many of them are asked.

    Raises
    ------
    InvalidInput
        If `k` is negative or a power is not within 0 and 2.
    """

    k: int = 0
    """How many of the most alike vote; 0 turns the component off."""
    rarity: float = 0.5
    """Power of an item's buyers by which sharing it says less."""
    modesty: float = 0.5
    """Power of the number of things a user bought by which they are less alike."""
    discount: float = 0.0
    """Power of an item's buyers by which its votes count less."""

    def __post_init__(self) -> None:
        if self.k < 0:
            raise InvalidInput(f"k is {self.k}; it must be at least 0")
        for name in ("rarity", "modesty", "discount"):
            if not 0 <= getattr(self, name) <= 2:
                raise InvalidInput(f"{name} is {getattr(self, name)}; it must be within 0 and 2")


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """Who bought what, or what was bought by whom, in the layout of a CSR matrix."""

    indptr: npt.NDArray[np.int64]
    """(n + 1,) where each list starts, ascending from 0."""
    entry: npt.NDArray[np.int32]
    """(m,) users or items, ascending within a list."""

    def __post_init__(self) -> None:
        if not len(self.indptr) or self.indptr[0] != 0 or (np.diff(self.indptr) < 0).any():
            raise InvalidInput("indptr must ascend from 0")
        if self.indptr[-1] != len(self.entry):
            raise InvalidInput(f"indptr ends at {self.indptr[-1]}, but there are {len(self.entry)} entries")

    @classmethod
    def from_pairs(cls, row: Indices, entry: Indices, *, n_rows: int) -> Adjacency:
        """Build from pairs in ascending order, each once."""
        return cls(np.searchsorted(row, np.arange(n_rows + 1)).astype(np.int64), entry.astype(np.int32))

    @property
    def size(self) -> npt.NDArray[np.int64]:
        """(n,) how long each list is."""
        return np.diff(self.indptr)

    def of(self, row: Indices) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return the lists of `row` (r,) end to end, and the length of each."""
        starts = self.indptr[row]
        sizes = self.indptr[1:][row] - starts
        return self.entry[_runs(starts, sizes)], sizes

    def heads(self, row: Indices, depth: int) -> npt.NDArray[np.int32]:
        """Return the first `depth` entries of the lists of `row` (r,), end to end."""
        starts = self.indptr[row]
        return self.entry[_runs(starts, np.minimum(self.indptr[1:][row] - starts, depth))]


@dataclass(frozen=True, slots=True, eq=False)
class Peers:
    """Finds the people most like someone, and what they bought. Empty, and silent, where the component is off.

    Raises
    ------
    InvalidInput
        If the two views disagree, or an index is out of range.
    """

    kinship: Kinship
    items: Adjacency
    """What each user bought."""
    buyers: Adjacency
    """Who bought each item."""
    rarity: npt.NDArray[np.float64] = field(init=False, repr=False)
    """(n_items,) what sharing an item says: |U(i)|^-rarity, and 0 above `MOST_BUYERS`."""
    modesty: npt.NDArray[np.float64] = field(init=False, repr=False)
    """(n_users,) |I(v)|^-modesty."""
    discount: npt.NDArray[np.float64] = field(init=False, repr=False)
    """(n_items,) |U(j)|^-discount."""

    def __post_init__(self) -> None:
        if len(self.items.entry) != len(self.buyers.entry):
            raise InvalidInput(f"{len(self.items.entry)} purchases by user, but {len(self.buyers.entry)} by item")
        for lists, others in ((self.items, self.buyers), (self.buyers, self.items)):
            if len(lists.entry) and not (lists.entry.min() >= 0 and lists.entry.max() < len(others.size)):
                raise InvalidInput(f"users and items must lie within [0, {len(others.size)})")
        buyers, sizes = self.buyers.size, self.items.size
        for name, values in (
            ("rarity", np.where(buyers > MOST_BUYERS, 0, _power(buyers, self.kinship.rarity))),
            ("modesty", _power(sizes, self.kinship.modesty)),
            ("discount", _power(buyers, self.kinship.discount)),
        ):
            object.__setattr__(self, name, values)

    @classmethod
    def from_interactions(cls, interactions: Interactions, kinship: Kinship) -> Peers:
        """Note who bought what; nothing at all where the component is off."""
        n_users, n_items = len(interactions.users), len(interactions.items)
        rows = interactions.purchases().of_users()
        pair = np.unique(rows.user.astype(np.int64) * max(n_items, 1) + rows.item)
        user, item = np.divmod(pair if kinship.k else pair[:0], max(n_items, 1))
        by_item = np.argsort(item, kind="stable")
        return cls(
            kinship,
            Adjacency.from_pairs(user, item, n_rows=n_users),
            Adjacency.from_pairs(item[by_item], user[by_item], n_rows=n_items),
        )

    def select(self, keep: npt.NDArray[np.bool_]) -> Peers:
        """Return what is left when only the users in the mask `keep` (n_users,) can be asked; they are renumbered."""
        kept = keep[self.buyers.entry]
        number = np.cumsum(keep) - 1
        item = np.repeat(np.arange(len(self.buyers.size)), self.buyers.size)[kept]
        sizes = self.items.size
        return Peers(
            self.kinship,
            Adjacency(
                np.concatenate([[0], np.cumsum(sizes[keep])]).astype(np.int64), self.items.entry[np.repeat(keep, sizes)]
            ),
            Adjacency.from_pairs(item, number[self.buyers.entry[kept]], n_rows=len(self.buyers.size)),
        )

    @property
    def is_on(self) -> bool:
        """Whether anybody can be asked."""
        return len(self.items.entry) > 0

    def alike(self, history: History) -> Ranked:
        """Return the users most like a past, the most alike first, without the person; `item` holds user indices."""
        if not self.is_on:
            return Ranked(np.empty(0, np.int32), np.empty(0, np.float32))
        owned = history.owned[self.rarity[history.owned] > 0]
        user, sizes = self.buyers.of(owned)
        # likeness(v) = Σ |U(i)|^-rarity / |I(v)|^modesty
        votes = np.repeat(self.rarity[owned], sizes)
        likeness = Tally.of(user, votes, n=len(self.modesty), scale=self.modesty)
        if history.user_index is not None:
            likeness = likeness.select(likeness.item != history.user_index)
        return likeness.best(self.kinship.k)

    def scores(self, history: History) -> Floats:
        """Return (n_items,) float32: how much the people most like this past bought each item."""
        column = np.zeros(len(self.discount), np.float32)
        said = self.tally(history)
        column[said.item] = said.value
        return column

    def tally(self, history: History) -> Tally:
        """Return the same where it is not 0."""
        peers = self.alike(history)
        item, sizes = self.items.of(peers.item)
        return Tally.of(item, np.repeat(peers.score, sizes), n=len(self.discount), scale=self.discount)

    def links(self, history: History, target: Indices) -> Floats:
        """Return (t, m) float32: how much each item of the past adds to the score of each `target` (t,).

        The rows sum to the scores of the targets, which occur once each.
        """
        links = np.zeros((len(target), len(history)), dtype=np.float32)
        if not self.is_on or not len(target):
            return links
        peer = self.alike(history).item
        # Σ_v |I(v)|^-modesty [j ∈ I(v)] · [i ∈ I(v)] |U(i)|^-rarity, over the same v as in scores
        wants = self._held(peer, target) * self.modesty[peer, None]
        shares = self._held(peer, history.owned) * self.rarity[history.owned]
        links[:, history.orders > 0] = (wants.T @ shares) * self.discount[target, None]
        return links

    def _held(self, user: Indices, item: Indices) -> npt.NDArray[np.float64]:
        """Return (u, t): 1 where the user bought the item, else 0; items occur once each."""
        bought, sizes = self.items.of(user)
        column = places(bought, item, n=len(self.discount))
        named = np.flatnonzero(column >= 0)
        held = np.zeros((len(user), len(item)))
        held[np.repeat(np.arange(len(user)), sizes)[named], column[named]] = 1
        return held


def _runs(start: npt.NDArray[np.int64], size: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the positions of runs that begin at `start` (r,) and are `size` (r,) long, end to end."""
    return np.arange(size.sum()) + np.repeat(start - np.cumsum(size) + size, size)


def _power(count: npt.NDArray[np.integer[Any]], power: float) -> npt.NDArray[np.float64]:
    """Return count^-power, with 1 for what nobody counted."""
    result: npt.NDArray[np.float64] = np.maximum(count, 1).astype(np.float64) ** -power
    return result
