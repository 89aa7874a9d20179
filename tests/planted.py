"""Purchase logs whose right answer is known by construction, for everybody's tests.

Every function is deterministic: same arguments, same log. Ids are zero-padded, so that the index of
`item_id(7)` is 7, and id maps hold every id of the plan whether it was bought or not.

`log_of` turns hand-written lines into `Interactions`; the others plant a structure:

* `checkerboard`: two tastes; the one item missing from each user's colour is the right recommendation.
* `rhythms`: repeat purchases with a known interval, and so a known due date.
* `shop`: a year of a small shop with tastes, staples, popularity, guests and a catalogue.
* `drifting`: one item rises, one fades, one stays, at equal totals.
* `hostile`: ids that break naive keys, URLs, CSV and HTML.
* `TINY`: the smallest logs that are not empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.catalogue import Catalogue, Item
from recommender.events import Event
from recommender.ids import IdMap
from recommender.interactions import GUEST, SECONDS_PER_DAY, Interactions

START = np.datetime64("2024-01-01T00:00:00", "s")
"""Day 0 of every planted log."""

HOSTILE_IDS = (
    "a:b/c%d e",
    "../../etc/passwd",
    "'; DROP TABLE users; --",
    "<script>alert(1)</script>",
    "=HYPERLINK(0)",
    "%2F%00",
    "{user}*[a-z]?",
    "İstanbul ß ﬀ",
    "007",
    "1.0",
    "nan",
    " padded ",
    'comma,"quote"',
    "空",
    "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{TEACUP WITHOUT HANDLE}",
    "x" * 512,
)
"""Valid ids that break naive keys, paths, URLs, CSV, HTML, globs and number parsing."""


def at(day: float) -> np.datetime64:
    """Return the second that lies `day` days after `START`."""
    return START + np.timedelta64(round(day * SECONDS_PER_DAY), "s")


def user_id(index: int) -> str:
    """Return the id of user `index` of a planted log."""
    return f"user-{index:04d}"


def item_id(index: int) -> str:
    """Return the id of item `index` of a planted log."""
    return f"item-{index:04d}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hand-written log."""

    user: str | None
    """None for a guest."""
    item: str
    day: float = 0.0
    event: Event = Event.PURCHASE
    quantity: float = 1.0
    amount: float = 1.0
    order: str | None = None
    """Lines with the same name form one basket; without a name, those of one user and moment do."""


def log_of(lines: Iterable[Line], *, users: Sequence[str] = (), items: Sequence[str] = ()) -> Interactions:
    """Turn `lines`, in any order, into a log; `users` and `items` name ids beyond those that occur."""
    lines = list(lines)
    user_map = IdMap.from_values([*users, *(line.user for line in lines if line.user is not None)])
    item_map = IdMap.from_values([*items, *(line.item for line in lines)])
    baskets = [line.order or f"{line.user}@{line.day}" for line in lines]
    number = {name: index for index, name in enumerate(sorted(set(baskets)))}
    return Interactions.from_columns(
        user_map,
        item_map,
        user=np.array([GUEST if line.user is None else user_map.index(line.user) for line in lines], dtype=np.int32),
        item=np.array([item_map.index(line.item) for line in lines], dtype=np.int32),
        event=np.array([line.event for line in lines], dtype=np.int8),
        quantity=np.array([line.quantity for line in lines], dtype=np.float32),
        amount=np.array([line.amount for line in lines], dtype=np.float64),
        order=np.array([number[basket] for basket in baskets], dtype=np.int32),
        time=np.array([at(line.day) for line in lines], dtype="datetime64[s]"),
    )


def checkerboard(n: int = 20) -> Interactions:
    """User u buys every item of their colour (u + i even), once, in one basket, except item u.

    Item u is therefore the best new item for user u, and an item's neighbours are the items of its colour.
    """
    return log_of(
        (Line(user_id(u), item_id(i), day=u) for u in range(n) for i in range(n) if (u + i) % 2 == 0 and u != i),
        users=[user_id(u) for u in range(n)],
        items=[item_id(i) for i in range(n)],
    )


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A user who buys one item every `every_days`, for the last time on `last_day`."""

    user: str
    item: str
    every_days: int
    last_day: int

    @property
    def due_day(self) -> int:
        """The day on which the next purchase is expected."""
        return self.last_day + self.every_days


RHYTHMS = tuple(
    Rhythm(user_id(u), item_id(i), every_days, last_day=180 - 3 * u)
    for i, every_days in enumerate((7, 14, 30))
    for u in range(12)
)
"""Milk every week, bread every fortnight, coffee every month, twelve users each."""


def rhythms(*, jitter_days: int = 0, seed: int = 7) -> Interactions:
    """Everybody keeps the `RHYTHMS`; item 3 is bought once by each user and never again.

    The last purchase stays on `last_day`; earlier ones move by up to `jitter_days` either way.
    """
    rng = np.random.default_rng(seed)
    lines = [Line(user_id(u), item_id(3), day=100 + u) for u in range(12)]
    for rhythm in RHYTHMS:
        for day in range(rhythm.last_day, -1, -rhythm.every_days):
            moved = 0 if day == rhythm.last_day else int(rng.integers(-jitter_days, jitter_days + 1))
            lines.append(Line(rhythm.user, rhythm.item, day=max(0, day + moved)))
    return log_of(lines)


@dataclass(frozen=True, slots=True)
class PlantedShop:
    """A year of a small shop, and what was planted in it."""

    log: Interactions
    catalogue: Catalogue
    taste: npt.NDArray[np.int64]
    """(n_users,) the aisle most of this user's purchases come from."""
    aisle: npt.NDArray[np.int64]
    """(n_items,) the aisle an item stands in; its category is ``aisle 0`` and so on."""
    staples: npt.NDArray[np.int64]
    """(n_users, 4) items this user buys again and again, all of their own taste."""


def shop(*, n_users: int = 200, n_items: int = 120, n_aisles: int = 4, days: int = 364, seed: int = 20) -> PlantedShop:
    """A customer's basket holds staples of one aisle, popular items of that aisle, and now and then anything.

    So "buy again" beats popularity on all items, and the taste beats popularity on new items.
    One order in twenty is a guest's.
    """
    rng = np.random.default_rng(seed)
    taste, aisle = np.arange(n_users) % n_aisles, np.arange(n_items) % n_aisles
    price = np.round(rng.uniform(0.5, 20.0, n_items), 2)
    pull = 1.0 / (1.0 + rng.permutation(n_items)) ** 0.7
    own = np.stack([np.where(aisle == a, pull, 0.0) / pull[aisle == a].sum() for a in range(n_aisles)])
    staples = np.stack([rng.choice(np.flatnonzero(aisle == taste[u]), size=4, replace=False) for u in range(n_users)])
    lines = []
    for u in range(n_users):
        for visit, day in enumerate(_visits(rng, days)):
            wanted = {int(i) for i in staples[u] if rng.random() < 0.6}
            wanted |= {int(i) for i in rng.choice(n_items, size=2, p=own[taste[u]])}
            wanted |= {int(i) for i in rng.choice(n_items, size=int(rng.random() < 0.3), p=pull / pull.sum())}
            buyer = None if rng.random() < 0.05 else user_id(u)
            for i in sorted(wanted):
                quantity = int(rng.integers(1, 4))
                line = Line(
                    buyer,
                    item_id(i),
                    day,
                    quantity=quantity,
                    amount=quantity * price[i],
                    order=f"{u}/{visit}",
                )
                lines.append(line)
    log = log_of(lines, users=[user_id(u) for u in range(n_users)], items=[item_id(i) for i in range(n_items)])
    return PlantedShop(log, _catalogue(aisle, price), taste, aisle, staples)


def _visits(rng: np.random.Generator, days: int) -> list[float]:
    """Return the days of one customer's visits, each at an hour between 8 and 20."""
    every = rng.uniform(10.0, 40.0)
    moments = np.arange(rng.uniform(0.0, every), days, every)
    return [float(day) for day in np.floor(moments) + rng.integers(8, 20, size=len(moments)) / 24]


def _catalogue(aisle: npt.NDArray[np.int64], price: npt.NDArray[np.float64]) -> Catalogue:
    return Catalogue.from_items(
        [
            Item(
                item_id=item_id(i),
                title=f"Thing {i}",
                category=f"aisle {aisle[i]}",
                department="upstairs" if aisle[i] % 2 else "downstairs",
                brand="Acme" if i % 3 else "",
                price=float(price[i]),
                url=f"/shop/{item_id(i)}",
            )
            for i in range(len(aisle))
        ]
    )


def drifting() -> Interactions:
    """Sixty buyers each of ``fading``, ``steady`` and ``rising`` over 120 days, another buyer every time.

    A third of ``steady`` falls into any 40 days; ``fading`` ends on day 60; ``rising`` starts on day 60.
    """
    first_day = {"fading": 0.0, "steady": 0.0, "rising": 60.0}
    step = {"fading": 1.0, "steady": 2.0, "rising": 1.0}
    return log_of(
        Line(f"{item}-buyer-{k:02d}", item, day=first_day[item] + step[item] * k)
        for item in first_day
        for k in range(60)
    )


def hostile() -> Interactions:
    """Every hostile id as a user and as an item: user k buys items k, k + 1 and k + 2, on two days."""
    n = len(HOSTILE_IDS)
    return log_of(
        Line(HOSTILE_IDS[k], HOSTILE_IDS[(k + step) % n], day=day, amount=1.5)
        for k in range(n)
        for step in range(3)
        for day in (k, k + 30)
    )


TINY: Mapping[str, Interactions] = {
    "one row": log_of([Line("空", "a:b/c%d e")]),
    "one user": log_of([Line("u", f"i{k}", day=k) for k in range(5)]),
    "one item": log_of([Line(f"u{k}", "i", day=k) for k in range(5)]),
    "one day": log_of([Line(f"u{k}", f"i{(k + step) % 4}") for k in range(4) for step in range(2)]),
    "guests only": log_of([Line(None, f"i{k % 3}", day=k) for k in range(6)]),
    "clicks only": log_of([Line("u", f"i{k}", day=k, event=Event.CLICK) for k in range(3)]),
}
"""The smallest logs that are not empty; training and every loader must survive each of them."""


def empty_log() -> Interactions:
    """A log without a single row, user or item."""
    return log_of([])
