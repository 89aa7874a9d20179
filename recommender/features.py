"""From one person's past to the numbers the blend weighs.

First come the signals (`recommender.signals`): the factors, neighbours by users, neighbours by baskets, people with a
similar past where they are asked, and the person's taste in categories; where a basket is being filled, the neighbours
of what lies in it are two more. What each likes best of the whole catalogue, with everything the person owns and what
is popular, are the candidates; each is then described by one row of features.

======================  =====================================================================================
owned                   1 if bought before
bought_week/month/season  log(1 + orders that contained it, decayed with a half-life of 7, 30, 120 days)
orders                  log(1 + orders that contained it)
bought_once             1 if exactly once
rest_days               log(1 + days since it was last bought)
due                     log(days since last bought / own gap), within ±3; 0 if bought once
owned_repeat_rate       log repeat rate of the item, if owned
owned_popular_week      log((1 + buyers in the last 7 days) / (1 + the most any item has)), if owned
factors, similar, together, peers   the signal, standardised over the person's candidates
…_log                   log(0.1 + signal / its mean over the candidates)
category_taste          log share of the category in the person's purchases, decayed
category_affinity       the same + log share of the item in its category's recent sales
category_rest_days      log(1 + days since the person last bought in the category)
popular, …_month, …_week, …_season  log(1 + buyers: ever, in the last 30 days, the last 7, the next 30 a year ago)
popular_week_root       √(buyers in the last 7 days / the most any item has): bestsellers stand out more than in the log
repeat_rate             log repeat rate of the item
cart_together (…_log)   what is bought together with the items in the cart, as above; 0 without a cart
cart_similar_log        what their buyers buy besides, likewise
cart_category           log(0.1 + share of the category among the items in the cart)
======================  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.blend import FEATURES
from recommender.cold import Newcomers
from recommender.families import Families
from recommender.histories import History
from recommender.inner_product_index import InnerProductIndex
from recommender.interactions import SECONDS_PER_DAY
from recommender.model import Model
from recommender.purpose import Purpose
from recommender.signals import Affinity, Products, Scores, Signal, Votes
from recommender.standing import Standing
from recommender.tally import Tally, distinct

CANDIDATES_PER_SIGNAL = 200
"""Enough that what the blend would put into the first ten is among them; more costs time and gained nothing."""

LOOK_WEIGHT = 0.5
"""What looking at an item says about taste, in purchases of today."""

NEVER_DAYS = 365.0
"""Said of a category the person never bought in."""

NO_CART = np.empty(0, dtype=np.int32)
"""The cart of someone who has put nothing into it."""

SCALED = ("factors", "similar", "together", "peers", "cart_together", "cart_similar")
"""The signals that are read in relation to a person's other candidates."""

Floats = npt.NDArray[np.float32]
_COLUMN = {name: column for column, name in enumerate(FEATURES)}


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """What one person's past says of all items, and what they hold in their cart."""

    factors: Signal
    similar: Signal
    together: Signal
    peers: Signal | None
    """None where nobody is asked."""
    affinity: Affinity
    votes: Floats
    """(m,) what each item of the past counts for in `together`."""
    cart: npt.NDArray[np.int32]
    """(c,) what lies in the basket that is being filled."""
    cart_together: Signal | None = None
    """None without a cart, as the next one."""
    cart_similar: Signal | None = None

    def rankings(self) -> list[Signal]:
        """Return the signals that say something."""
        personal = (self.factors, self.similar, self.together, self.peers, self.affinity)
        found = (*personal, self.cart_together, self.cart_similar)
        return [signal for signal in found if signal is not None]

    def values(self, item: npt.NDArray[np.int32]) -> dict[str, Floats]:
        """Return (k,) what those signals that are features say of the candidates `item` (k,), by name."""
        signals: dict[str, Signal | None] = {name: getattr(self, name) for name in SCALED}
        return {name: signal[item] for name, signal in signals.items() if signal is not None}


def offered(
    purpose: Purpose, history: History, item: npt.NDArray[np.int32], *, cart: npt.NDArray[np.int32] = NO_CART
) -> npt.NDArray[np.bool_]:
    """Return (k,) bool: which of the candidates `item` (k,) a ranking for `purpose` may name."""
    if purpose is Purpose.ALL:
        return np.ones(len(item), dtype=np.bool_)
    if purpose is Purpose.CART:
        return ~np.isin(item, cart)
    owned = history.owns(item)
    return owned if purpose is Purpose.AGAIN else ~owned


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """Candidates and their features."""

    item: npt.NDArray[np.int32]
    """(k,) ascending."""
    features: Floats
    """(k, n_features)"""
    signals: Signals
    values: Mapping[str, Floats]
    """(k,) what each signal that there is says of the candidates, by its name."""
    scales: Mapping[str, Scale]
    """By the names of the signals that there are."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the values of a signal lie among a person's candidates."""

    mean: np.float32
    spread: np.float32
    """Standard deviation."""
    level: np.float32
    """Mean of what is above 0."""

    @classmethod
    def of(cls, signal: Floats) -> Scale:
        """Return the scale of the values `signal` (k,)."""
        if not len(signal):
            return cls(np.float32(0), np.float32(1), np.float32(1))
        spread, level = signal.std() + np.float32(1e-9), np.maximum(signal, 0).mean() + np.float32(1e-12)
        return cls(signal.mean(), spread, level)

    def standardised(self, signal: Floats) -> Floats:
        """Return the distance from the mean, in standard deviations."""
        return (signal - self.mean) / self.spread

    def log_relative(self, signal: Floats) -> Floats:
        """Return the logarithm of the ratio to the mean, of which 0.1 is the least."""
        return np.log(np.float32(0.1) + np.maximum(signal, 0) / self.level)


class Describer:
    """Turns a `History` into candidates and their features, for one model. Immutable after construction."""

    def __init__(self, model: Model) -> None:
        self._model = model
        popularity, n_items = model.popularity, len(model.items)
        buyers = (popularity.total, popularity.recent, popularity.week, popularity.season)
        repeat_rate = np.log(model.repeat.rate + 1e-3)
        newcomers = Newcomers.of(model.catalogue, popularity.total > 0)
        known = [newcomers.filled(np.log1p(count)) for count in buyers]
        week = known[2]
        self._log_week_share = (week - week.max(initial=0)).astype(np.float32)
        root = np.sqrt(np.expm1(week) / max(np.expm1(week).max(initial=0), 1))
        self._static = np.stack([*known, root, repeat_rate], axis=1).astype(np.float32)
        in_category = newcomers.filled(_log_share_in_category(model))
        n_categories = len(model.catalogue.categories)
        self._in_category = Standing(in_category, model.catalogue.category, n_categories).prepare()
        self._newcomers, self._families = newcomers, Families.of(newcomers, n_items)
        vectors, sold = model.factors.item, np.ones(n_items, dtype=np.bool_)
        sold[newcomers.item] = False
        self._longest_first = InnerProductIndex(vectors, among=None if sold.all() else sold)
        self._family_vectors = self._families.means(vectors)

    def describe(self, history: History, *, now: np.datetime64, cart: npt.NDArray[np.int32] = NO_CART) -> Described:
        """Choose a person's candidates and describe them; `cart` is (c,) what lies in their basket, each item once."""
        signals = self.signals(history, now=now, cart=cart)
        item = self.candidates(history, signals)
        values = signals.values(item)
        scales = {name: Scale.of(value) for name, value in values.items()}
        features = self._features(history, signals, item, now, values=values, scales=scales)
        return Described(item, features, signals, values, scales)

    def signals(
        self,
        history: History,
        *,
        now: np.datetime64,
        cart: npt.NDArray[np.int32] = NO_CART,
        factors: Floats | None = None,
    ) -> Signals:
        """Read the past by each signal; `cart` is (c,) what lies in the basket, each item once.

        Who has multiplied the factors of many people at once hands over this person's scores as `factors` (n_items,).
        """
        model = self._model
        weight = _weight(history, now)
        votes, alike = np.log1p(weight), np.ones(len(cart), np.float32)
        return Signals(
            factors=self._products(history) if factors is None else Scores(self._newcomers.filled(factors)),
            similar=self._voted(model.similar.tally(history.item, np.ones(len(history), np.float32))),
            together=self._voted(model.together.tally(history.item, votes)),
            peers=self._voted(model.peers.tally(history)) if model.peers.is_on else None,
            affinity=self._affinity(history, weight),
            votes=votes,
            cart=cart,
            cart_together=self._voted(model.together.tally(cart, alike)) if len(cart) else None,
            cart_similar=self._voted(model.similar.tally(cart, alike)) if len(cart) else None,
        )

    def vector(self, history: History) -> Floats:
        """Return (f,) the person's factors: the stored ones if nothing has changed since training, else folded in."""
        if history.user_index is not None and not history.changed:
            stored: Floats = self._model.factors.user[history.user_index]
            return stored
        return self._model.factors.fold_in(history.item, history.confidence)

    def candidates(self, history: History, signals: Signals) -> npt.NDArray[np.int32]:
        """Return (k,) ascending: what the person owns, and the best of every signal beyond that."""
        owned = history.owned
        best = [signal.best(CANDIDATES_PER_SIGNAL, exclude=owned).item for signal in signals.rankings()]
        popular = self._model.selling.order[: CANDIDATES_PER_SIGNAL + len(owned)]
        popular = popular[~history.owns(popular)][:CANDIDATES_PER_SIGNAL]
        return distinct(np.concatenate([owned, *best, popular]))

    def features(
        self, history: History, signals: Signals, item: npt.NDArray[np.int32], *, now: np.datetime64
    ) -> Floats:
        """Return (k, n_features): the description of the candidates `item` (k,), ascending, on their own scales."""
        values = signals.values(item)
        scales = {name: Scale.of(value) for name, value in values.items()}
        return self._features(history, signals, item, now, values=values, scales=scales)

    def _features(
        self,
        history: History,
        signals: Signals,
        item: npt.NDArray[np.int32],
        now: np.datetime64,
        *,
        values: Mapping[str, Floats],
        scales: Mapping[str, Scale],
    ) -> Floats:
        rows = np.zeros((len(item), len(FEATURES)), dtype=np.float32)
        rows[:, _COLUMN["popular"] : _COLUMN["popular"] + self._static.shape[1]] = self._static[item]
        for name, scale in scales.items():
            if name in _COLUMN:
                rows[:, _COLUMN[name]] = scale.standardised(values[name])
            rows[:, _COLUMN[f"{name}_log"]] = scale.log_relative(values[name])
        self._describe_categories(rows, history, signals, item, now)
        self._describe_owned(rows, history, item, now)
        self._describe_cart(rows, signals, item)
        return rows

    def _products(self, history: History) -> Products:
        vectors = self._model.factors.item
        return Products(self._longest_first, vectors, self._families, self._family_vectors, self.vector(history))

    def _voted(self, tally: Tally) -> Votes:
        return Votes(tally, self._families, len(self._model.items))

    def _affinity(self, history: History, weight: Floats) -> Affinity:
        """Return log shares of each category in what the person bought and looked at, and of items in categories."""
        category = self._model.catalogue.category
        spent = np.bincount(category[history.item], weight, len(self._model.catalogue.categories))
        taste: Floats = np.log(spent / max(spent.sum(), 1e-9) + 1e-4).astype(np.float32)
        return Affinity(self._in_category, category, taste, np.unique(category[history.item]))

    def _describe_categories(
        self,
        rows: Floats,
        history: History,
        signals: Signals,
        item: npt.NDArray[np.int32],
        now: np.datetime64,
    ) -> None:
        category = self._model.catalogue.category
        rest = np.full(len(self._model.catalogue.categories), NEVER_DAYS)
        np.minimum.at(rest, category[history.owned], _days_since(history.last[history.orders > 0], now))
        rows[:, _COLUMN["category_taste"]] = signals.affinity.taste[category[item]]
        rows[:, _COLUMN["category_affinity"]] = signals.affinity[item]
        rows[:, _COLUMN["category_rest_days"]] = np.log1p(rest)[category[item]]

    def _describe_owned(self, rows: Floats, history: History, item: npt.NDArray[np.int32], now: np.datetime64) -> None:
        at = np.flatnonzero(history.owns(item))
        if not len(at):
            return
        bought = np.searchsorted(history.item, item[at])
        orders = history.orders[bought]
        rest = _days_since(history.last[bought], now)
        gap = np.maximum((history.last - history.first)[bought] / SECONDS_PER_DAY / np.maximum(orders - 1, 1), 1)
        decayed = np.log1p(history.decayed_at(now)[bought])
        columns = {
            "owned": 1.0,
            "bought_week": decayed[:, 0],
            "bought_month": decayed[:, 1],
            "bought_season": decayed[:, 2],
            "orders": np.log1p(orders),
            "bought_once": orders == 1,
            "rest_days": np.log1p(rest),
            "due": np.where(orders == 1, 0, np.clip(np.log((rest + 0.5) / gap), -3, 3)),
            "owned_repeat_rate": np.log(self._model.repeat.rate[history.item[bought]] + 1e-3),
            "owned_popular_week": self._log_week_share[item[at]],
        }
        for name, values in columns.items():
            rows[at, _COLUMN[name]] = values

    def _describe_cart(self, rows: Floats, signals: Signals, item: npt.NDArray[np.int32]) -> None:
        if not len(signals.cart):
            return
        category = self._model.catalogue.category
        share = np.bincount(category[signals.cart], minlength=len(self._model.catalogue.categories)) / len(signals.cart)
        rows[:, _COLUMN["cart_category"]] = np.log(0.1 + share)[category[item]]


def _weight(history: History, now: np.datetime64) -> Floats:
    """Return (m,): decayed orders over a season, or `LOOK_WEIGHT` for what was only looked at."""
    weight: Floats = np.where(history.orders > 0, history.decayed_at(now)[:, -1], LOOK_WEIGHT).astype(np.float32)
    return weight


def _log_share_in_category(model: Model) -> Floats:
    sales = model.popularity.recent + 0.05 * model.popularity.total + 0.01
    totals = np.bincount(model.catalogue.category, sales, len(model.catalogue.categories))
    log_share: Floats = np.log(sales / totals[model.catalogue.category]).astype(np.float32)
    return log_share


def _days_since(seconds: npt.NDArray[np.int64], now: np.datetime64) -> npt.NDArray[np.float64]:
    elapsed = now.astype("datetime64[s]").astype(np.int64) - seconds
    days: npt.NDArray[np.float64] = np.maximum(0, elapsed) / SECONDS_PER_DAY
    return days
