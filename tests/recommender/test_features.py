"""Features: what describes a candidate, by hand for a small past, and lawful for any."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.blend import FEATURES
from recommender.events import Event
from recommender.features import CANDIDATES_PER_SIGNAL, NEVER_DAYS, Describer, Signals
from recommender.histories import FreshEvent, History
from recommender.model import Model
from recommender.neighbours import Neighbours
from recommender.peers import Adjacency, Kinship, Peers
from recommender.popularity import Popularity
from tests import models, planted
from tests.planted import Line, at

NOW = at(40)


def three_item_model() -> Model:
    """Ann bought milk on days 0, 10 and 30, tea on day 20, and looked at jam on day 39; others bought things too.

    Items: bread, jam, milk, tea. Categories by `models.plain_catalogue`: bread and milk 0, jam and tea 1.
    """
    lines = [
        *(Line("ann", "milk", day=day) for day in (0, 10, 30)),
        Line("ann", "tea", day=20),
        Line("ann", "jam", day=39, event=Event.CLICK),
        *(Line("bob", item, day=day, order=f"bob {day}") for day in (5, 35) for item in ("milk", "bread")),
        Line("cem", "tea", day=36),
    ]
    return models.model_of(planted.log_of(lines), now=NOW)


def describe(model: Model, history: History, item: list[int], *, now: np.datetime64 = NOW) -> dict[str, list[float]]:
    """The features of candidates, by name."""
    describer = Describer(model)
    signals = describer.signals(history, now=now)
    rows = describer.features(history, signals, np.array(item, dtype=np.int32), now=now)
    return {name: rows[:, column].tolist() for column, name in enumerate(FEATURES)}


def decayed(half_life: float, *ages: float) -> float:
    """log(1 + decayed count)."""
    return math.log1p(sum(2 ** (-age / half_life) for age in ages))


def test_habit_features_by_hand() -> None:
    """Milk three times, the last ten days ago, every fifteen; tea once, twenty days ago; the rest is zero."""
    model = three_item_model()
    found = describe(model, model.histories.of(0), [0, 1, 2, 3])
    expected: dict[str, list[float]] = {
        "owned": [0, 0, 1, 1],
        "bought_week": [0, 0, decayed(7, 40, 30, 10), decayed(7, 20)],
        "bought_month": [0, 0, decayed(30, 40, 30, 10), decayed(30, 20)],
        "bought_season": [0, 0, decayed(120, 40, 30, 10), decayed(120, 20)],
        "orders": [0, 0, math.log(4), math.log(2)],
        "bought_once": [0, 0, 0, 1],
        "rest_days": [0, 0, math.log(11), math.log(21)],
        "due": [0, 0, math.log(10.5 / 15), 0],
        "owned_repeat_rate": [0, 0, *np.log(model.repeat.rate[2:] + 1e-3).tolist()],
        "owned_popular_week": [0, 0, 0, 0],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, err_msg=name)


def test_factor_scores_may_be_handed_over() -> None:
    """The scores that the model would give change nothing, and others stand as they are."""
    model = three_item_model()
    describer, history = Describer(model), model.histories.of(0)
    own = describer.signals(history, now=NOW)
    scores = model.factors.scores(model.factors.user[0])
    everything = np.arange(4, dtype=np.int32)
    same = describer.signals(history, now=NOW, factors=scores)
    np.testing.assert_allclose(same.factors[everything], own.factors[everything], rtol=1e-6)
    other = describer.signals(history, now=NOW, factors=np.arange(4, dtype=np.float32))
    assert other.factors[everything].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(other.similar[everything], own.similar[everything])


def test_category_features_by_hand() -> None:
    """Taste is a share of decayed orders, to which a look adds half a purchase; rest is since the last purchase."""
    model = three_item_model()
    found = describe(model, model.histories.of(0), [0, 1, 2, 3])
    milk, tea, look = sum(2 ** (-age / 120) for age in (40, 30, 10)), 2 ** (-20 / 120), 0.5
    taste = [math.log(milk / (milk + tea + look) + 1e-4), math.log((tea + look) / (milk + tea + look) + 1e-4)]
    np.testing.assert_allclose(found["category_taste"], taste * 2, rtol=1e-5)
    np.testing.assert_allclose(found["category_rest_days"], [math.log(11), math.log(21)] * 2, rtol=1e-5)


def test_a_category_never_bought_in_is_a_year_away() -> None:
    """Whatever the person looked at there."""
    model = three_item_model()
    looked = History.empty(NOW).with_events([FreshEvent(1, Event.CLICK, 1.0, NOW)], model.confidence)
    assert describe(model, looked, [0, 1])["category_rest_days"] == pytest.approx([math.log1p(NEVER_DAYS)] * 2)


def test_popularity_features_by_hand() -> None:
    """Buyers of all time, of the month (from day 10), of the week (from day 33)."""
    model = three_item_model()
    found = describe(model, model.histories.of(1), [0, 1, 2, 3])
    np.testing.assert_allclose(found["popular"], np.log1p([1, 0, 2, 2]), rtol=1e-6)
    np.testing.assert_allclose(found["popular_month"], np.log1p([1, 0, 2, 2]), rtol=1e-6)
    np.testing.assert_allclose(found["popular_week"], np.log1p([1, 0, 1, 1]), rtol=1e-6)
    np.testing.assert_allclose(found["repeat_rate"], np.log(model.repeat.rate + 1e-3), rtol=1e-6)


def test_bestsellers_of_the_week_are_measured_against_the_best() -> None:
    """Of eight buyers, five, two and none: the root of the share for everything, its logarithm for what is owned."""
    model = three_item_model()
    week = np.array([8, 5, 2, 0], dtype=np.float32)
    model = dataclasses.replace(model, popularity=dataclasses.replace(model.popularity, week=week))
    found = describe(model, model.histories.of(0), [0, 1, 2, 3])
    np.testing.assert_allclose(found["popular_week_root"], np.sqrt([1, 5 / 8, 2 / 8, 0]), rtol=1e-6)
    np.testing.assert_allclose(found["owned_popular_week"], [0, 0, math.log(3 / 9), math.log(1 / 9)], rtol=1e-6)


def test_a_week_without_sales_makes_nothing_a_bestseller() -> None:
    """Nobody bought anything lately: both features are zero, and finite."""
    model = three_item_model()
    quiet = dataclasses.replace(model.popularity, week=np.zeros(4, dtype=np.float32))
    found = describe(dataclasses.replace(model, popularity=quiet), model.histories.of(0), [0, 1, 2, 3])
    assert found["popular_week_root"] == found["owned_popular_week"] == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ["factors", "similar", "together", "peers"])
def test_signals_are_standardised_over_the_candidates(name: str) -> None:
    """Mean zero and spread one, and the logarithm of what they are to their mean."""
    model = models.shop_model()
    history, describer = model.histories.of(3), Describer(model)
    signals = describer.signals(history, now=model.as_of)
    item = describer.candidates(history, signals)
    rows = describer.features(history, signals, item, now=model.as_of)
    columns = dict(zip(FEATURES, rows.T, strict=True))
    signal = getattr(signals, name)[item].astype(np.float64)
    np.testing.assert_allclose(columns[name], (signal - signal.mean()) / signal.std(), atol=1e-4)
    positive = np.maximum(signal, 0)
    np.testing.assert_allclose(columns[f"{name}_log"], np.log(0.1 + positive / positive.mean()), atol=1e-4)


@given(st.integers(0, 199), st.integers(0, 2**32))
def test_a_candidate_is_described_by_itself_and_the_set(user: int, seed: int) -> None:
    """Numbering the items otherwise permutes the rows and changes no number: the features know no order."""
    model = models.shop_model()
    order = np.random.default_rng(seed).permutation(len(model.items)).astype(np.int32)
    renumbered = renumber(model, order)
    history, other = model.histories.of(user), renumbered_history(model.histories.of(user), order)
    item = np.arange(len(order), dtype=np.int32)
    first = rows_of(model, history, item)
    second = rows_of(renumbered, other, item)
    np.testing.assert_allclose(second[order], first, atol=2e-3)


def rows_of(model: Model, history: History, item: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """The features of all items."""
    describer = Describer(model)
    signals: Signals = describer.signals(history, now=model.as_of)
    return describer.features(history, signals, item, now=model.as_of)


def renumber(model: Model, order: npt.NDArray[np.int32]) -> Model:
    """The same model in which item i is number ``order[i]``; its ids and titles stay where they are."""
    back = np.argsort(order)

    def moved(neighbours: Neighbours) -> Neighbours:
        rows = [neighbours.of(int(item)) for item in back]
        return Neighbours(
            indptr=np.cumsum([0, *(len(row) for row in rows)]).astype(np.int64),
            item=order[np.concatenate([row.item for row in rows])].astype(np.int32),
            weight=np.concatenate([row.score for row in rows]),
        )

    def columns(part: Popularity) -> dict[str, npt.NDArray[np.float32]]:
        return {field.name: getattr(part, field.name)[back] for field in dataclasses.fields(part)}

    return dataclasses.replace(
        model,
        factors=dataclasses.replace(model.factors, item=model.factors.item[back]),
        catalogue=dataclasses.replace(model.catalogue, category=model.catalogue.category[back]),
        similar=moved(model.similar),
        together=moved(model.together),
        peers=moved_peers(model.peers, order),
        popularity=dataclasses.replace(model.popularity, **columns(model.popularity)),
        repeat=dataclasses.replace(model.repeat, rate=model.repeat.rate[back], gap_days=model.repeat.gap_days[back]),
    )


def moved_peers(peers: Peers, order: npt.NDArray[np.int32]) -> Peers:
    """The same purchases under the new numbers of the items."""
    user, item = np.repeat(np.arange(len(peers.items.size)), peers.items.size), order[peers.items.entry]
    by_user, by_item = np.lexsort((item, user)), np.lexsort((user, item))
    return Peers(
        peers.kinship,
        Adjacency.from_pairs(user[by_user], item[by_user], n_rows=len(peers.items.size)),
        Adjacency.from_pairs(item[by_item], user[by_item], n_rows=len(order)),
    )


def renumbered_history(history: History, order: npt.NDArray[np.int32]) -> History:
    """The same past under the new numbers."""
    item = order[history.item]
    rows = np.argsort(item)
    names = ("orders", "first", "last", "decayed", "confidence")
    columns = {name: getattr(history, name)[rows] for name in names}
    return dataclasses.replace(history, item=item[rows], **columns)


@given(st.integers(0, 199))
def test_candidates_are_ascending_and_hold_all_that_is_owned(user: int) -> None:
    """What is owned may always be offered again; the rest is the best of each signal."""
    model = models.shop_model()
    history, describer = model.histories.of(user), Describer(model)
    item = describer.candidates(history, describer.signals(history, now=model.as_of))
    assert (np.diff(item) > 0).all()
    assert set(history.owned.tolist()) <= set(item.tolist())
    assert len(item) <= len(history.owned) + 6 * CANDIDATES_PER_SIGNAL


def test_peers_that_are_off_leave_no_trace() -> None:
    """No signal, no candidates and no features: nothing for a weight to stand on."""
    model = models.shop_model()
    silent = dataclasses.replace(model, peers=Peers.from_interactions(planted.shop().log, Kinship()))
    describer, history = Describer(silent), model.histories.of(3)
    signals = describer.signals(history, now=model.as_of)
    item = describer.candidates(history, signals)
    features = describer.features(history, signals, item, now=model.as_of)
    columns = [list(FEATURES).index(name) for name in ("peers", "peers_log")]
    assert signals.peers is None
    assert not features[:, columns].any()
    assert len(item) <= len(history.owned) + 5 * CANDIDATES_PER_SIGNAL


@pytest.mark.parametrize("name", planted.TINY)
def test_smallest_logs_have_finite_features(name: str) -> None:
    """Nobody's features are NaN, not even a stranger's in a shop of one item."""
    model = models.tiny_model(name)
    describer = Describer(model)
    strangers = [History.empty(model.as_of)]
    for history in [*strangers, *(model.histories.of(user) for user in range(len(model.users)))]:
        signals = describer.signals(history, now=model.as_of)
        item = describer.candidates(history, signals)
        assert np.isfinite(describer.features(history, signals, item, now=model.as_of)).all()


def test_stored_factors_serve_until_something_happens() -> None:
    """A past without fresh events uses the trained vector, a changed one is folded in; they agree."""
    model = models.shop_model()
    describer, history = Describer(model), model.histories.of(5)
    np.testing.assert_array_equal(describer.vector(history), model.factors.user[5])
    folded = describer.vector(dataclasses.replace(history, changed=True))
    np.testing.assert_allclose(folded, model.factors.user[5], rtol=1e-2, atol=1e-3)
