"""What a new version changes for customers: how many home pages look different, and which items rise and fall.

Both engines are asked for the same users' home shelves, each as of its own version's "now", by the rules that serving
uses. No stock is known here, so everything counts as in stock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.artifact import Artifact
from recommender.engine import Engine
from recommender.request import SlateRequest

SHELF = 10
"""Picks on a home shelf."""
SHOWN_ITEMS = 10
"""Items named among those that rose, and among those that fell."""

Shelf = tuple[str, ...]
"""Item ids, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemShift:
    """On how many of the shelves an item stands, before and after."""

    item_id: str
    title: str
    a: int
    b: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfChange:
    """The shelves of a sample of the users that both versions know."""

    n_users: int
    """Size of the sample."""
    users_a: int
    """Users that version a knows."""
    users_b: int
    users_both: int
    size: int
    """Picks asked for."""
    unchanged: int
    """Shelves with the same picks in the same order."""
    reordered: int
    """Shelves with the same picks in another order."""
    replaced: tuple[int, ...]
    """(size + 1,) how many shelves of b hold 0, 1, … picks that the shelf of a does not."""
    items_a: int
    """Different items on all shelves together."""
    items_b: int
    rose: tuple[ItemShift, ...]
    fell: tuple[ItemShift, ...]

    @property
    def changed(self) -> int:
        """Shelves with at least one other pick."""
        return self.n_users - self.unchanged - self.reordered

    @property
    def mean_replaced(self) -> float:
        """Picks that are new on the average shelf."""
        return sum(count * picks for picks, count in enumerate(self.replaced)) / max(self.n_users, 1)


def sample_users(a: Sequence[str], b: Sequence[str], *, n: int, seed: int) -> list[str]:
    """Return at most `n` of the users that both know, drawn without replacement, ascending."""
    both = sorted(set(a) & set(b))
    if len(both) <= n:
        return both
    drawn = np.random.default_rng(seed).choice(len(both), size=n, replace=False)
    return [both[at] for at in sorted(drawn.tolist())]


def shelves_of(artifact: Artifact, users: Sequence[str], *, advance: Callable[[], None]) -> list[Shelf]:
    """Return each user's home shelf as of the version's own "now"."""
    model = artifact.model
    engine = Engine(model, version=artifact.version)
    found = []
    for user in users:
        request = SlateRequest(user_id=user, history=engine.history(user), limit=SHELF)
        slate = engine.recommend(request, now=model.as_of, slate_id=user, created_at=model.as_of.astype(object))
        found.append(tuple(item.item_id for item in slate.items))
        advance()
    return found


def shelf_change(a: Artifact, b: Artifact, shelves: tuple[Sequence[Shelf], Sequence[Shelf]]) -> ShelfChange:
    """Compare the shelves of the same users, row by row."""
    before, after = shelves
    new_picks = [len(set(new) - set(old)) for old, new in zip(before, after, strict=True)]
    counts = [Counter(item for shelf in side for item in shelf) for side in shelves]
    titles = {**_titles(a, counts[0]), **_titles(b, counts[1])}
    shifts = [
        ItemShift(item_id=item, title=titles.get(item) or item, a=counts[0][item], b=counts[1][item])
        for item in sorted(set(counts[0]) | set(counts[1]))
    ]
    same = [set(old) == set(new) for old, new in zip(before, after, strict=True)]
    equal = sum(old == new for old, new in zip(before, after, strict=True))
    return ShelfChange(
        n_users=len(before),
        users_a=len(a.model.users),
        users_b=len(b.model.users),
        users_both=len(set(a.model.users.ids) & set(b.model.users.ids)),
        size=SHELF,
        unchanged=equal,
        reordered=sum(same) - equal,
        replaced=tuple(np.bincount(np.array(new_picks, dtype=np.int64), minlength=SHELF + 1).tolist()),
        items_a=len(counts[0]),
        items_b=len(counts[1]),
        rose=_first(shifts, rising=True),
        fell=_first(shifts, rising=False),
    )


def _first(shifts: Sequence[ItemShift], *, rising: bool) -> tuple[ItemShift, ...]:
    """Return the items that moved most in one direction, the most first."""
    sign = 1 if rising else -1
    moved = [shift for shift in shifts if sign * (shift.b - shift.a) > 0]
    return tuple(sorted(moved, key=lambda shift: (sign * (shift.a - shift.b), shift.item_id))[:SHOWN_ITEMS])


def _titles(artifact: Artifact, items: Counter[str]) -> dict[str, str]:
    model = artifact.model
    return {item: model.catalogue.item(model.items.index(item), item_id=item).title for item in items}
