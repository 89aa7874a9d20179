"""From lists of candidates to picks, for some thousand users at once.

A list is gone down in its order, as a page view would: what is sold out, refused, in the cart, resting, sent lately or
shown today is passed over. What leads comes first; where that does not fill the slots, what is popular, and at the
very end what is too much of the same. The rules are masks over matrices, so that a user costs microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.candidates import ReasonCode
from recommender.engine import REPLENISHABLE_RATE, Engine
from recommender.purpose import Purpose
from recommender.request import SlateRequest
from recommender.rules import Shelf
from recommender.slate import Placement
from serving.campaigns.definition import Recipe
from serving.stores.packed_lists import EMPTY, Lists

COLUMNS = ("item", "kind", "anchor", "due")
"""Of `Lists`, one value per candidate."""
SOON_DAYS = 14
"""A mail about what runs out speaks of the next two weeks."""
TAIL = 60
"""Popular items to fill up with."""

Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Picks:
    """The picks of u users."""

    lists: Lists
    """(u, slots) `EMPTY` where there are no more."""
    count: npt.NDArray[np.int64]
    """(u,) how many each has."""


@dataclass(frozen=True, slots=True, eq=False)
class Barred:
    """Pairs of user and item that must not be shown."""

    keys: Keys
    """(n,) user index × items + item index, ascending."""
    n_items: int

    def keep(self, user: npt.NDArray[np.int64], item: npt.NDArray[np.int32]) -> Mask:
        """Return (u, k) bool: False where the pair of (u,) users and (u, k) items is barred."""
        if not len(self.keys):
            return np.ones(item.shape, dtype=np.bool_)
        wanted = user[:, None] * self.n_items + item
        place = self.keys.searchsorted(wanted).clip(max=len(self.keys) - 1)
        kept: Mask = self.keys[place] != wanted
        return kept


class Picker:
    """Fills slots by one recipe.

    Parameters
    ----------
    engine
        Of the version whose candidates they are.
    recipe
        What to fill them with.
    slots
        How many.
    shelf
        What is in stock.
    now
        The moment of the send.
    """

    def __init__(self, engine: Engine, recipe: Recipe, *, slots: int, shelf: Shelf, now: np.datetime64) -> None:
        self._recipe = recipe
        self._slots = slots
        self._in_stock = shelf.in_stock
        self._soon = int(now.astype("datetime64[D]").astype(np.int64)) + SOON_DAYS
        self._histories = engine.model.histories
        self._n_items = len(engine.model.items)
        self._title = engine.twins.title
        self._once = engine.model.repeat.rate < REPLENISHABLE_RATE
        self._popular = self._offered(engine, Placement.EMAIL, now)
        self._best = self._offered(engine, Placement.BESTSELLERS, now)

    def purposes(self) -> tuple[Purpose, ...]:
        """Return the lists that the recipe needs."""
        return {
            Recipe.MIXED: (Purpose.ALL,),
            Recipe.REPLENISHMENT: (Purpose.ALL,),
            Recipe.NEW_FOR_YOU: (Purpose.NEW,),
            Recipe.WIN_BACK: (Purpose.ALL, Purpose.NEW),
            Recipe.BEST_SELLERS: (),
        }[self._recipe]

    def pick(self, user: npt.NDArray[np.int64], found: Mapping[Purpose, Lists], barred: Barred, plain: Mask) -> Picks:
        """Return the picks of (u,) users; who is `plain` gets what a stranger gets.

        `found` has a row per user in each list.
        """
        everybody = self._repeated(self._best if self._recipe is Recipe.BEST_SELLERS else self._popular, len(user))
        owned = Barred(self._owned(user[~plain], every=self._recipe is Recipe.NEW_FOR_YOU), self._n_items)
        rules = (barred, owned)
        own = self._of_recipe(user, found, rules) if self.purposes() else everybody
        if plain.any():
            own = either(plain, everybody, own)
        first = self._chosen(user, _leading(own), rules)
        short = np.flatnonzero(first.count < self._slots)
        if not len(short) or self._recipe in (Recipe.REPLENISHMENT, Recipe.BEST_SELLERS):
            return first
        rows = _rows(own, short)
        longer = _beside(_leading(rows), _rows(everybody, short), _behind(rows))
        filled = self._chosen(user[short], longer, rules, once=True)
        for name in COLUMNS:
            getattr(first.lists, name)[short] = getattr(filled.lists, name)
        first.count[short] = filled.count
        return first

    def _of_recipe(
        self, user: npt.NDArray[np.int64], found: Mapping[Purpose, Lists], rules: tuple[Barred, ...]
    ) -> Lists:
        if self._recipe is Recipe.NEW_FOR_YOU:
            return found[Purpose.NEW]
        own = found[Purpose.ALL]
        if self._recipe is Recipe.MIXED:
            return own
        again = _without(own, (own.kind & 15) != ReasonCode.BUY_AGAIN)
        if self._recipe is Recipe.REPLENISHMENT:
            return _without(again, again.due > self._soon)
        # Rules first: a favourite that may not be shown would take its turn with it.
        new = found[Purpose.NEW]
        is_new = self._allowed(user, new, rules) & self._has_new_title(user, new)
        return _in_turn(_without(again, ~self._allowed(user, again, rules)), _without(new, ~is_new))

    def _chosen(
        self, user: npt.NDArray[np.int64], lists: Lists, rules: tuple[Barred, ...], *, once: bool = False
    ) -> Picks:
        """Take the first items of each row that nothing forbids; with `once`, an item may stand there several times."""
        allowed = self._allowed(user, lists, rules)
        if once:
            allowed &= _first_of_its_kind(lists.item)
        order = np.argsort(~allowed, axis=1, kind="stable")[:, : self._slots]
        kept = np.take_along_axis(allowed, order, axis=1)
        picks = Lists.empty(len(lists.item), self._slots)
        for name in COLUMNS:
            column = np.take_along_axis(getattr(lists, name), order, axis=1)
            getattr(picks, name)[:, : order.shape[1]][kept] = column[kept]
        return Picks(picks, kept.sum(axis=1))

    def _allowed(self, user: npt.NDArray[np.int64], lists: Lists, rules: tuple[Barred, ...]) -> Mask:
        """Return (u, k) bool: what is in stock and not forbidden."""
        allowed: Mask = (lists.item != EMPTY) & self._in_stock[lists.item]
        for rule in rules:
            allowed &= rule.keep(user, lists.item)
        return allowed

    def _has_new_title(self, user: npt.NDArray[np.int64], lists: Lists) -> Mask:
        """Return (u, k) bool: False for what bears the title of something owned, which nobody would call new."""
        owned = self._owned(user, every=True)
        keys = np.unique(owned // self._n_items * self._n_items + self._title[owned % self._n_items])
        return Barred(keys, self._n_items).keep(user, self._title[lists.item])

    def _owned(self, user: npt.NDArray[np.int64], *, every: bool) -> Keys:
        """Return every item that users own, or those they need once, as ascending keys."""
        begin, end = self._histories.indptr[user], self._histories.indptr[user + 1]
        length = end - begin
        rows = np.repeat(begin - np.concatenate([[0], np.cumsum(length)[:-1]]), length) + np.arange(length.sum())
        item = self._histories.item[rows]
        counts = self._histories.orders[rows] > 0
        if not every:
            counts &= self._once[item]
        keys: Keys = np.repeat(user, length)[counts] * self._n_items + item[counts]
        return keys

    def _offered(self, engine: Engine, placement: Placement, now: np.datetime64) -> Lists:
        found = engine.offer(SlateRequest(placement=placement), now=now, k=TAIL)
        lists = Lists.empty(1, len(found.candidates))
        lists.put(0, found)
        return lists

    def _repeated(self, lists: Lists, n: int) -> Lists:
        return _rows(lists, np.zeros(n, dtype=np.int64))


def _leading(lists: Lists) -> Lists:
    return _without(lists, np.arange(lists.item.shape[1]) >= lists.front[:, None])


def _behind(lists: Lists) -> Lists:
    return _without(lists, np.arange(lists.item.shape[1]) < lists.front[:, None])


def _without(lists: Lists, gone: Mask) -> Lists:
    item = np.where(gone, np.int32(EMPTY), lists.item)
    return Lists(item, lists.kind, lists.anchor, lists.due, lists.front)


def _rows(lists: Lists, rows: npt.NDArray[np.int64]) -> Lists:
    return Lists(lists.item[rows], lists.kind[rows], lists.anchor[rows], lists.due[rows], lists.front[rows])


def _taken(lists: Lists, order: npt.NDArray[np.int64]) -> Lists:
    return Lists(
        np.take_along_axis(lists.item, order, axis=1),
        np.take_along_axis(lists.kind, order, axis=1),
        np.take_along_axis(lists.anchor, order, axis=1),
        np.take_along_axis(lists.due, order, axis=1),
        lists.front,
    )


def _beside(*parts: Lists) -> Lists:
    """Return each row's lists one after the other, all of them leading."""
    item = np.concatenate([part.item for part in parts], axis=1)
    kind = np.concatenate([part.kind for part in parts], axis=1)
    anchor = np.concatenate([part.anchor for part in parts], axis=1)
    due = np.concatenate([part.due for part in parts], axis=1)
    return Lists(item, kind, anchor, due, np.full(len(item), item.shape[1], dtype=np.int64))


def _in_turn(again: Lists, new: Lists) -> Lists:
    """Return an item of the one, an item of the other, and so on; what leads comes first.

    Items that are not there take no turn, so the rest of a list that is longer stands in its own order.
    """
    both = _beside(again, new)
    turn = []
    for lists, odd in ((again, 0), (new, 1)):
        there = lists.item != EMPTY
        late = np.arange(there.shape[1]) >= lists.front[:, None]
        turn.append(2 * np.cumsum(there, axis=1) + odd + 10_000 * late)
    order = np.argsort(np.concatenate(turn, axis=1), axis=1, kind="stable")
    sorted_ = _taken(both, order)
    late = np.take_along_axis(np.concatenate(turn, axis=1), order, axis=1) >= 10_000
    return Lists(sorted_.item, sorted_.kind, sorted_.anchor, sorted_.due, (~late).sum(axis=1))


def _first_of_its_kind(item: npt.NDArray[np.int32]) -> Mask:
    """Return (u, k) bool: whether an item stands in a row for the first time."""
    order = np.argsort(item, axis=1, kind="stable")
    in_order = np.take_along_axis(item, order, axis=1)
    repeated = np.zeros(item.shape, dtype=np.bool_)
    repeated[:, 1:] = in_order[:, 1:] == in_order[:, :-1]
    found = np.empty(item.shape, dtype=np.bool_)
    np.put_along_axis(found, order, ~repeated, axis=1)
    return found


def either(mask: Mask, a: Lists, b: Lists) -> Lists:
    """Return the rows of `a` where the mask says so, else those of `b`."""
    found = Lists.empty(len(mask), max(a.item.shape[1], b.item.shape[1]))
    for lists, rows in ((a, mask), (b, ~mask)):
        for name in COLUMNS:
            getattr(found, name)[rows, : lists.item.shape[1]] = getattr(lists, name)[rows]
        found.front[rows] = lists.front[rows]
    return found
