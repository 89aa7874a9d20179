"""Learning the blend's weights from what people bought in a window after the model's "now".

Every measured user gives one list: their candidates, described, and which of them they went on to buy.

1. A listwise softmax over the whole list (ListNet's top-one loss, Cao et al. 2007) finds weights that bring the
   right hundred up.
2. With those, each list is cut to its `HEAD` best, and the weights are learned again on these alone, because the order
   of the first ten is decided among them: by a pointwise logistic loss where a list has many right answers
   ("all", "again"), and by the softmax where it has few ("new", "cart").
3. The new weights may bring up candidates that were cut off and that nobody ever said were wrong. They join the list,
   and step 2 is repeated, `ROUNDS` times or until hardly anything joins.

Both losses are convex and minimised by L-BFGS from zero, so the result is a function of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from recommender.blend import FEATURES, Blend
from recommender.features import NO_CART, Describer, offered
from recommender.holdout import Holdout
from recommender.model import Model
from recommender.purpose import WITHOUT_CART, Purpose
from recommender.ranking import top_k

HEAD = 40
"""How many of the best candidates a round adds to what is learned from."""

ROUNDS = 3
"""The first round of step 2 and two more; a fourth changed nothing."""

SETTLED = 0.01
"""If a round would bring fewer new candidates than this share, the lists have settled."""

MAX_USERS = 4000
"""More users change the weights by less than their error; a sample keeps memory bounded."""

FULL_ANSWERS = 10
"""A list with so many right answers or more counts fully, one with fewer in proportion; 1 lets all count alike."""

MANY_ANSWERS = frozenset({Purpose.ALL, Purpose.AGAIN})
"""Purposes for which a list has many right answers."""

Floats = npt.NDArray[np.float32]
Example = tuple[Floats, Floats]
"""The description of one user's candidates, and which of them were bought."""
Loss = Callable[[npt.NDArray[np.float64], "Lists"], tuple[float, npt.NDArray[np.float64]]]


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Candidate lists of several users, end to end."""

    features: Floats
    """(n, n_features)"""
    relevant: Floats
    """(n,) 1 where the user bought the candidate, else 0."""
    length: npt.NDArray[np.int64]
    """(n_lists,) how many rows each list has; all at least 1."""

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """(n_lists,) the first row of each list."""
        return np.concatenate([[0], np.cumsum(self.length)[:-1]]).astype(np.int64)

    def spread(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Return (n,): a value per list, repeated for its rows."""
        return np.repeat(values, self.length)

    def select(self, rows: npt.NDArray[np.int64]) -> Lists:
        """Return the same lists with only the `rows`, ascending; each list keeps one at least."""
        length = np.diff(np.searchsorted(rows, np.append(self.starts, len(self.relevant))))
        return Lists(self.features[rows], self.relevant[rows], length.astype(np.int64))

    def rows(self) -> Iterator[slice]:
        """Yield the rows of each list."""
        for start, length in zip(self.starts.tolist(), self.length.tolist(), strict=True):
            yield slice(start, start + length)


def learn_blend(
    model: Model,
    holdout: Holdout,
    *,
    seed: int,
    max_users: int = MAX_USERS,
    full_answers: int = FULL_ANSWERS,
    advance: Callable[[], None] = lambda: None,
) -> Blend:
    """Learn weights for every purpose from what the users of `holdout` bought after ``model.as_of``.

    Parameters
    ----------
    model
        Trained on what precedes the window; its own blend is not used.
    holdout
        What was bought in the window.
    seed
        Chooses the sample where there are more than `max_users` users.
    max_users
        How many users to learn from at most.
    full_answers
        How many right answers let a list count fully where the softmax decides; 1 lets all users count alike.
    advance
        Called once per user, for a progress bar.

    Returns
    -------
    The learned blend; a purpose without a single example keeps the built-in weights.
    """
    found = _collect(model, holdout, _sample(len(holdout), max_users, seed), advance)
    weights = {}
    for purpose in Purpose:
        # Examples are let go as soon as they are joined: they fill hundreds of megabytes.
        examples = found.pop(purpose)
        lists = _joined(examples) if examples else None
        examples.clear()
        weights[purpose] = (
            DEFAULT_BLEND.weights(purpose)
            if lists is None
            else learn_weights(lists, purpose, full_answers=full_answers)
        )
    return Blend(**{purpose.value: learned for purpose, learned in weights.items()})


def learn_weights(lists: Lists, purpose: Purpose, *, full_answers: int = FULL_ANSWERS) -> Floats:
    """Return (n_features,) weights learned from `lists`; `full_answers` is that of `softmax_loss`."""
    softmax = partial(softmax_loss, full_answers=full_answers)
    weights = _minimise(softmax, lists, l2=1e-2)
    loss: Loss = logistic_loss if purpose in MANY_ANSWERS else softmax
    heads = _heads(lists, weights)
    for _ in range(ROUNDS):
        weights = _minimise(loss, lists.select(heads), l2=1e-3)
        seen, heads = heads, np.union1d(heads, _heads(lists, weights))
        if len(heads) < len(seen) * (1 + SETTLED):
            break
    return weights


def softmax_loss(
    weights: npt.NDArray[np.float64], lists: Lists, *, full_answers: int = FULL_ANSWERS
) -> tuple[float, npt.NDArray[np.float64]]:
    """Cross-entropy between the right answers of each list and the softmax of its scores; and its gradient.

    A list with many right answers counts more, up to `full_answers` of them.
    """
    scores = lists.features @ weights.astype(np.float32)
    highest = np.maximum.reduceat(scores, lists.starts)
    exponent = np.exp(scores - lists.spread(highest))
    total = np.add.reduceat(exponent, lists.starts)
    right = np.add.reduceat(lists.relevant, lists.starts)
    mass = np.minimum(right, full_answers) / full_answers
    target = lists.relevant * lists.spread(mass / np.maximum(right, 1))
    # L = Σ_lists mass · log Σ_j exp(s_j) − Σ_j target_j s_j
    loss = float(mass @ (np.log(total) + highest)) - float(target @ scores)
    slope = (exponent * lists.spread(mass / total) - target).astype(np.float32) @ lists.features
    return loss / len(lists.length), slope.astype(np.float64) / len(lists.length)


def logistic_loss(weights: npt.NDArray[np.float64], lists: Lists) -> tuple[float, npt.NDArray[np.float64]]:
    """Log-loss of "is bought" for each candidate by itself, per ten candidates of a list; and its gradient.

    The last weight is the bias.
    """
    scores = lists.features @ weights[:-1].astype(np.float32) + np.float32(weights[-1])
    error = (expit(scores) - lists.relevant).astype(np.float32)
    loss = float((np.logaddexp(0, scores) - lists.relevant * scores).sum(dtype=np.float64))
    slope = np.append(error @ lists.features, error.sum(dtype=np.float64)).astype(np.float64)
    return loss / len(lists.length) / 10, slope / len(lists.length) / 10


def _minimise(loss: Loss, lists: Lists, *, l2: float) -> Floats:
    """Minimise `loss` over standardised features with a ridge of `l2`, and return weights for the raw ones."""
    # In float64, column by column: over millions of rows a float32 sum makes a constant look as if it varied.
    spread = np.array([column.std(dtype=np.float64) for column in lists.features.T])
    mean = np.array([column.mean(dtype=np.float64) for column in lists.features.T], dtype=np.float32)
    used = spread > 1e-6
    scale = np.where(used, 1 / np.where(used, spread, 1), 0)
    scaled = Lists((lists.features - mean) * scale.astype(np.float32), lists.relevant, lists.length)
    n_weights = len(FEATURES) + (loss is logistic_loss)
    ridge = np.full(n_weights, l2)
    ridge[len(FEATURES) :] = 0

    def objective(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        value, slope = loss(weights, scaled)
        return value + float(ridge @ weights**2) / 2, slope + ridge * weights

    found = minimize(objective, np.zeros(n_weights), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    weights: Floats = (found.x[: len(FEATURES)] * scale).astype(np.float32)
    return weights


def _heads(lists: Lists, weights: Floats) -> npt.NDArray[np.int64]:
    """Return the rows of the `HEAD` best of each list, ascending."""
    scores = lists.features @ weights
    return np.concatenate([rows.start + np.sort(top_k(scores[rows], HEAD).item) for rows in lists.rows()])


def _sample(n: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])


def _collect(
    model: Model, holdout: Holdout, chosen: npt.NDArray[np.int64], advance: Callable[[], None]
) -> dict[Purpose, list[Example]]:
    describer, now = Describer(model), model.as_of
    found: dict[Purpose, list[Example]] = {purpose: [] for purpose in Purpose}
    relevant = {purpose: holdout.relevant(purpose) for purpose in Purpose}
    for row in chosen.tolist():
        past, cart = model.histories.of(int(holdout.user[row])), holdout.cart.row(row)
        situations = [(past, NO_CART, WITHOUT_CART)]
        if len(cart):
            situations.append((past.with_cart(cart, model.confidence, now=now), cart, (Purpose.CART,)))
        for history, held, purposes in situations:
            described = describer.describe(history, now=now, cart=held)
            for purpose in purposes:
                allowed = offered(purpose, history, described.item, cart=held)
                bought = np.isin(described.item[allowed], relevant[purpose].row(row)).astype(np.float32)
                if bought.any():
                    found[purpose].append((described.features[allowed], bought))
        advance()
    return found


def _joined(examples: list[Example]) -> Lists:
    lengths = np.array([len(bought) for _, bought in examples], dtype=np.int64)
    return Lists(np.concatenate([f for f, _ in examples]), np.concatenate([b for _, b in examples]), lengths)


DEFAULT_BLEND = Blend.from_weights(
    {
        Purpose.ALL: {
            "bought_month": 0.6,
            "bought_season": 0.8,
            "orders": 0.3,
            "owned_repeat_rate": 0.2,
            "factors": 0.2,
            "similar": 0.1,
            "together": 0.1,
            "category_affinity": 0.1,
            "popular_month": 0.3,
        },
        Purpose.NEW: {
            "factors": 0.3,
            "similar_log": 0.3,
            "together_log": 0.2,
            "category_affinity": 0.3,
            "popular_month": 0.5,
        },
        Purpose.AGAIN: {
            "bought_month": 0.6,
            "bought_season": 0.8,
            "orders": 0.3,
            "owned_repeat_rate": 0.3,
            "due": 0.2,
        },
        Purpose.CART: {
            "bought_month": 0.6,
            "bought_season": 0.8,
            "orders": 0.3,
            "owned_repeat_rate": 0.2,
            "cart_together_log": 0.5,
            "cart_together": 0.3,
            "cart_similar_log": 0.3,
            "cart_category": 0.2,
            "popular_month": 0.3,
        },
    }
)
"""Weights for a shop whose log is too short to learn from: habits first, then taste, then what is popular."""
