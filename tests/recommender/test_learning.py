"""Learning the blend: gradients are derivatives, what was planted ranks first, and the same data give equal bytes."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.blend import FEATURES
from recommender.events import Event
from recommender.holdout import Holdout
from recommender.item_lists import ItemLists
from recommender.learning import (
    DEFAULT_BLEND,
    HEAD,
    Lists,
    Loss,
    learn_blend,
    learn_weights,
    logistic_loss,
    softmax_loss,
)
from recommender.model import Model
from recommender.purpose import Purpose
from recommender.splits import time_split
from tests import models, planted

N_WEIGHTS: dict[Loss, int] = {softmax_loss: len(FEATURES), logistic_loss: len(FEATURES) + 1}


def random_lists(seed: int, lengths: list[int]) -> Lists:
    """Return lists in which every tenth candidate or so was bought, and at least one in each."""
    rng, n = np.random.default_rng(seed), sum(lengths)
    relevant = (rng.random(n) < 0.1).astype(np.float32)
    relevant[np.cumsum([0, *lengths[:-1]])] = 1
    return Lists(rng.normal(size=(n, len(FEATURES))).astype(np.float32), relevant, np.array(lengths, dtype=np.int64))


@given(st.integers(0, 2**32), st.lists(st.integers(1, 30), min_size=1, max_size=5))
@pytest.mark.parametrize("loss", [softmax_loss, logistic_loss])
def test_gradient_is_the_derivative(loss: Loss, seed: int, lengths: list[int]) -> None:
    """Along any direction, the gradient is the slope that finite differences measure."""
    lists, rng = random_lists(seed, lengths), np.random.default_rng(seed)
    weights, direction = rng.normal(size=(2, N_WEIGHTS[loss])) * 0.3
    _, gradient = loss(weights, lists)
    step = 1e-2
    measured = (loss(weights + step * direction, lists)[0] - loss(weights - step * direction, lists)[0]) / (2 * step)
    assert gradient @ direction == pytest.approx(measured, rel=2e-2, abs=2e-3)


@pytest.mark.parametrize("loss", [softmax_loss, logistic_loss])
def test_loss_survives_extreme_scores(loss: Loss) -> None:
    """A line search may try weights of a thousand: no overflow, and a finite slope that leads back."""
    lists = random_lists(0, [20, 20])
    value, gradient = loss(np.full(N_WEIGHTS[loss], 1e3), lists)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_softmax_loss_by_hand() -> None:
    """One list of two candidates, scores 1 and 0, the second was bought: a tenth of log(1 + e)."""
    features = np.zeros((2, len(FEATURES)), dtype=np.float32)
    features[0, 0] = 1
    lists = Lists(features, np.array([0, 1], dtype=np.float32), np.array([2]))
    value, gradient = softmax_loss(np.eye(len(FEATURES))[0], lists)
    assert value == pytest.approx(np.log(1 + np.e) / 10)
    assert gradient[0] == pytest.approx(np.e / (1 + np.e) / 10)


def test_one_answer_is_enough_where_all_users_count_alike() -> None:
    """Two lists with one and two right answers: they count .1 and .2, or 1 and 1."""
    features = np.zeros((6, len(FEATURES)), dtype=np.float32)
    lists = Lists(features, np.array([1, 0, 0, 1, 1, 0], dtype=np.float32), np.array([3, 3]))
    weights = np.zeros(len(FEATURES))
    assert softmax_loss(weights, lists)[0] == pytest.approx(np.log(3) * (0.1 + 0.2) / 2)
    assert softmax_loss(weights, lists, full_answers=1)[0] == pytest.approx(np.log(3))


def test_logistic_loss_by_hand() -> None:
    """Without weights every candidate costs log 2, per ten."""
    lists = random_lists(0, [7, 5])
    value, _ = logistic_loss(np.zeros(len(FEATURES) + 1), lists)
    assert value == pytest.approx(12 * np.log(2) / 2 / 10)


@pytest.mark.parametrize("purpose", Purpose)
def test_planted_signal_is_found(purpose: Purpose) -> None:
    """Where purchases follow one feature and shun another, the weights say so and rank the bought first."""
    rng = np.random.default_rng(3)
    lengths = [200] * 60
    features = rng.normal(size=(sum(lengths), len(FEATURES))).astype(np.float32)
    wanted, shunned = list(FEATURES).index("similar"), list(FEATURES).index("rest_days")
    utility = 2 * features[:, wanted] - features[:, shunned] + rng.gumbel(size=len(features)) * 0.5
    relevant = np.zeros(len(features), dtype=np.float32)
    for start in range(0, len(features), 200):
        relevant[start + np.argsort(-utility[start : start + 200])[:5]] = 1
    weights = learn_weights(Lists(features, relevant, np.array(lengths)), purpose)
    assert weights.argmax() == wanted
    assert weights.argmin() == shunned
    assert np.abs(np.delete(weights, [wanted, shunned])).max() < weights[wanted] / 4
    truth = 2 * features[:, wanted] - features[:, shunned]
    learned, known = (
        sum(relevant[at + (-scores[at : at + 200]).argsort()[:5]].sum() for at in range(0, len(features), 200))
        for scores in (features @ weights, truth)
    )
    assert learned > 0.9 * known


def test_users_of_few_answers_are_heard_where_all_count_alike() -> None:
    """One user in three buys nine things by one feature, the others one thing each by another: the majority leads."""
    heavy, light = list(FEATURES).index("factors"), list(FEATURES).index("peers")
    features = np.random.default_rng(4).normal(size=(60 * 50, len(FEATURES))).astype(np.float32)
    relevant = np.zeros(len(features), dtype=np.float32)
    for number, start in enumerate(range(0, len(features), 50)):
        column, bought = (heavy, 9) if number % 3 == 0 else (light, 1)
        relevant[start + np.argsort(-features[start : start + 50, column])[:bought]] = 1
    lists = Lists(features, relevant, np.full(60, 50))
    today, alike = (learn_weights(lists, Purpose.NEW, full_answers=full) for full in (10, 1))
    assert today[heavy] > today[light]
    assert alike[light] > alike[heavy]


@pytest.mark.parametrize("purpose", Purpose)
def test_constant_features_weigh_nothing(purpose: Purpose) -> None:
    """A feature that never varies cannot have been learned from, whatever its value and however many rows say it."""
    lists = random_lists(1, [2 * HEAD] * 400)
    features = lists.features.copy()
    features[:, 2], features[:, 5], features[:, 9] = 0.1, 0.0, -1e4 / 3
    weights = learn_weights(dataclasses.replace(lists, features=features), purpose)
    assert weights[[2, 5, 9]].tolist() == [0, 0, 0]
    assert np.isfinite(weights).all()
    assert weights.any()


@pytest.fixture(name="window", scope="module")
def _window() -> tuple[Model, Holdout]:
    """A model of eleven months of the planted shop, and what was bought in the twelfth."""
    shop = planted.shop()
    split = time_split(shop.log, planted.at(334))
    return models.model_of(split.train, shop.catalogue, now=split.cut), Holdout.from_split(split)


def hits(model: Model, holdout: Holdout, purpose: Purpose) -> float:
    """Share of users with a right answer among the first five."""
    engine, relevant = models.engine_of(model), holdout.relevant(purpose)
    found = []
    for row, user in enumerate(holdout.user.tolist()):
        if len(relevant.row(row)):
            top = engine.candidates(model.histories.of(user), purpose=purpose, now=model.as_of, k=5)
            found.append(bool(np.isin(top.item, relevant.row(row)).any()))
    return float(np.mean(found))


def test_learned_blend_beats_each_signal_alone(window: tuple[Model, Holdout]) -> None:
    """On what people bought afterwards; it saw these purchases, so this is a test of the learning alone."""
    model, holdout = window
    learned = dataclasses.replace(model, blend=learn_blend(model, holdout, seed=1))
    for purpose in Purpose:
        best = hits(learned, holdout, purpose)
        for name in ("factors", "popular_month", "bought_season", "together"):
            weights = dataclasses.replace(model, blend=model.blend.from_weights({purpose: {name: 1.0}}))
            assert best > hits(weights, holdout, purpose), (purpose, name)


def test_learning_is_deterministic_and_seeded(window: tuple[Model, Holdout]) -> None:
    """The same window and seed give the same bytes; another sample of users gives others."""
    model, holdout = window
    first, again, other = (learn_blend(model, holdout, seed=seed, max_users=30) for seed in (1, 1, 2))
    assert first.all.tobytes() == again.all.tobytes()
    assert first.new.tobytes() == again.new.tobytes()
    assert first.all.tobytes() != other.all.tobytes()


def test_progress_advances_once_per_user(window: tuple[Model, Holdout]) -> None:
    """A progress bar ends at its end, and a sample is as large as asked."""
    model, holdout = window
    advanced: list[int] = []
    learn_blend(model, holdout, seed=1, max_users=30, advance=lambda: advanced.append(1))
    assert len(advanced) == 30


def test_model_blend_is_not_used(window: tuple[Model, Holdout]) -> None:
    """Learning does not depend on what was learned before."""
    model, holdout = window
    nothing = dataclasses.replace(model, blend=model.blend.from_weights({}))
    first, second = (learn_blend(m, holdout, seed=1, max_users=30) for m in (model, nothing))
    assert first.all.tobytes() == second.all.tobytes()


def test_purpose_without_examples_keeps_the_built_in_weights() -> None:
    """Where everybody only buys again, nothing can be learned of what is new."""
    lines = [planted.Line(f"u{u}", f"i{u % 3}", day=day + u) for u in range(6) for day in (0, 20, 40, 60)]
    split = time_split(planted.log_of(lines), planted.at(50))
    model, holdout = models.model_of(split.train, now=split.cut), Holdout.from_split(split)
    blend = learn_blend(model, holdout, seed=1)
    assert blend.new.tolist() == DEFAULT_BLEND.new.tolist()
    assert blend.all.tolist() != DEFAULT_BLEND.all.tolist()


def test_without_any_example_the_built_in_blend_stays(window: tuple[Model, Holdout]) -> None:
    """A window in which nobody bought a candidate teaches nothing, and does not fail."""
    model, holdout = window
    none: npt.NDArray[np.int32] = holdout.user[:0]
    lists = ItemLists.empty(0)
    empty = dataclasses.replace(holdout, user=none, bought=lists, owned=lists, value=holdout.value[:0])
    blend = learn_blend(model, empty, seed=1)
    assert blend.all.tolist() == DEFAULT_BLEND.all.tolist()
    assert blend.new.tolist() == DEFAULT_BLEND.new.tolist()


def test_a_window_of_clicks_is_no_window() -> None:
    """Looks after the cut are no right answers."""
    lines = [planted.Line("ann", "tea", day=day) for day in (0, 30)] + [planted.Line("ann", "milk", day=1)]
    clicks = [planted.Line("ann", "milk", day=31, event=Event.CLICK)]
    split = time_split(planted.log_of([*lines, *clicks]), planted.at(20))
    holdout = Holdout.from_split(split)
    assert [holdout.relevant(Purpose.ALL).row(0).tolist()] == [[split.train.items.index("tea")]]
