"""Neighbours: the block-wise computation equals the definition, written out densely."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.ids import IdMap
from recommender.interactions import GUEST, Interactions
from recommender.neighbours import COSINE, Neighbours, Powers
from tests.planted import HOSTILE_IDS, START, Line, log_of
from tests.strategies import logs

TENTHS = st.sampled_from([0.0, 0.3, 0.5, 1.0])
"""Powers to try."""
LETTERS = ["bread", "coffee", "milk", "tea"]


def by_definition(
    groups: list[set[int]], n_items: int, shrinkage: float, powers: Powers = COSINE
) -> npt.NDArray[np.float32]:
    """Return w_ij of every pair, 0 on the diagonal."""
    incidence = np.array([[float(i in group) for i in range(n_items)] for group in groups]).reshape(-1, n_items)
    sizes = incidence.sum(axis=0)
    together = incidence.T @ (incidence * np.maximum(incidence.sum(axis=1, keepdims=True), 1) ** -powers.group)
    denominator = np.outer(sizes**powers.anchor, sizes**powers.neighbour) + shrinkage
    weights = np.divide(together, denominator, out=np.zeros_like(together), where=together > 0)
    np.fill_diagonal(weights, 0)
    definition: npt.NDArray[np.float32] = weights.astype(np.float32)
    return definition


def groups_of(log: Interactions, column: str, max_size: int) -> list[set[int]]:
    """The sets of items of each order or user."""
    key = getattr(log, column)
    groups = [set(log.item[key == value].tolist()) for value in np.unique(key)]
    return [group for group in groups if len(group) <= max_size]


@given(logs(), st.integers(1, 4), st.integers(0, 4))
def test_fewer_neighbours_are_the_nearest(log: Interactions, k: int, more: int) -> None:
    """Cutting a longer list gives what a shorter one would have been."""
    wide = Neighbours.from_baskets(log, k=k + more).top(k)
    narrow = Neighbours.from_baskets(log, k=k)
    for name in ("indptr", "item", "weight"):
        np.testing.assert_array_equal(getattr(wide, name), getattr(narrow, name))


def assert_best_of(neighbours: Neighbours, weights: npt.NDArray[np.float32], k: int) -> None:
    """Every row holds the `k` best of the definition, in its order."""
    for i, row in enumerate(weights):
        expected = [j for j in np.lexsort([np.arange(len(row)), -row]).tolist() if row[j] > 0][:k]
        np.testing.assert_allclose(neighbours.of(i).score, row[expected], rtol=1e-6)
        np.testing.assert_allclose(row[neighbours.of(i).item], row[expected], rtol=1e-6)


@given(logs(), st.integers(1, 5), st.sampled_from([0.0, 2.5]), st.integers(1, 8))
def test_baskets_equal_the_definition(log: Interactions, k: int, shrinkage: float, max_basket: int) -> None:
    """Purchases of one order count, guests included; large baskets, clicks and repeated lines do not."""
    weights = by_definition(groups_of(log.purchases(), "order", max_basket), len(log.items), shrinkage)
    neighbours = Neighbours.from_baskets(log, k=k, shrinkage=shrinkage, max_basket=max_basket)
    assert_best_of(neighbours, weights, k)


@given(logs(), st.integers(1, 5), st.sampled_from([0.0, 2.5]), st.integers(1, 8))
def test_users_equal_the_definition(log: Interactions, k: int, shrinkage: float, max_items: int) -> None:
    """Purchases of one user count, over all orders; guests do not."""
    weights = by_definition(groups_of(log.purchases().of_users(), "user", max_items), len(log.items), shrinkage)
    assert_best_of(Neighbours.from_users(log, k=k, shrinkage=shrinkage, max_items=max_items), weights, k)


@given(logs(), st.integers(1, 5), st.builds(Powers, anchor=TENTHS, neighbour=TENTHS, group=TENTHS))
def test_powers_equal_the_definition(log: Interactions, k: int, powers: Powers) -> None:
    """The sizes of the anchor, the neighbour and each user count with the powers asked for."""
    weights = by_definition(groups_of(log.purchases().of_users(), "user", 9), len(log.items), 1.0, powers)
    assert_best_of(Neighbours.from_users(log, k=k, shrinkage=1.0, powers=powers), weights, k)


def test_powers_by_hand() -> None:
    """Ann holds milk and tea, Bob these and bread: milk says 1/2 + 1/3 for tea, each halved by tea's two buyers."""
    log = log_of([*(Line("ann", i) for i in ("milk", "tea")), *(Line("bob", i) for i in ("milk", "tea", "bread"))])
    powers = Powers(anchor=0.0, neighbour=1.0, group=1.0)
    milk = Neighbours.from_users(log, k=2, shrinkage=0.0, powers=powers).of(log.items.get("milk") or 0)
    assert [log.items.ids[item] for item in milk.item] == ["tea", "bread"]
    assert milk.score.tolist() == pytest.approx([(1 / 2 + 1 / 3) / 2, 1 / 3])


@pytest.mark.parametrize("power", [{"anchor": -0.1}, {"neighbour": 2.1}, {"group": np.nan}])
def test_powers_have_limits(power: dict[str, float]) -> None:
    """A power below nothing would reward size, and is a mistake."""
    with pytest.raises(InvalidInput, match=f"the power {next(iter(power))} is .*within 0 and 2"):
        Powers(**power)


@given(logs(), st.integers(1, 5))
def test_rows_are_sorted_and_never_hold_the_item_itself(log: Interactions, k: int) -> None:
    """Nearest first, ties by index, at most k, nobody is their own neighbour."""
    neighbours = Neighbours.from_baskets(log, k=k, shrinkage=1.0)
    for i in range(len(neighbours)):
        ranked = neighbours.of(i)
        pairs = list(zip((-ranked.score).tolist(), ranked.item.tolist(), strict=True))
        assert pairs == sorted(pairs)
        assert len(pairs) <= k
        assert i not in ranked.item


@given(logs(), st.lists(st.tuples(st.integers(0, 7), st.floats(0, 5)), max_size=5))
def test_scores_add_up_the_anchors(log: Interactions, anchors: list[tuple[int, float]]) -> None:
    """The votes of several anchors are a weighted sum of rows of the matrix."""
    neighbours = Neighbours.from_users(log, k=3)
    n_items = len(log.items)
    anchors = [(item % n_items, weight) for item, weight in anchors]
    weight = np.zeros(n_items)
    np.add.at(weight, [item for item, _ in anchors], [value for _, value in anchors])
    scores = neighbours.scores(
        np.array([item for item, _ in anchors], dtype=np.int32), np.array([value for _, value in anchors])
    )
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, neighbours.as_matrix().T @ weight, rtol=1e-5, atol=1e-6)


def test_many_blocks_equal_one_product() -> None:
    """A catalogue that takes several blocks gives what one product would give."""
    n_items, rng = 2500, np.random.default_rng(5)
    baskets = [rng.choice(n_items, size=900, replace=False) for _ in range(12)]
    item = np.concatenate(baskets).astype(np.int32)
    n = len(item)
    log = Interactions.from_columns(
        IdMap(()),
        IdMap.from_values(f"{i:04d}" for i in range(n_items)),
        user=np.full(n, GUEST, np.int32),
        item=item,
        event=np.zeros(n, np.int8),
        quantity=np.ones(n, np.float32),
        amount=np.ones(n),
        order=np.repeat(np.arange(12, dtype=np.int32), 900),
        time=np.full(n, START),
    )
    weights = by_definition([set(basket.tolist()) for basket in baskets], n_items, 2.0)
    neighbours = Neighbours.from_baskets(log, k=7, shrinkage=2.0, max_basket=1000)
    assert_best_of(neighbours, weights, 7)


def test_hand_computed() -> None:
    """Milk is in three baskets, tea in two, both together in two: 2 / (√6 + 1)."""
    log = log_of(
        [
            Line(None, item, order=order)
            for order, items in {"1": "milk tea", "2": "milk tea bread", "3": "milk", "4": "coffee"}.items()
            for item in items.split()
        ]
    )
    neighbours = Neighbours.from_baskets(log, k=2, shrinkage=1.0)
    assert list(log.items) == LETTERS
    milk = neighbours.of(LETTERS.index("milk"))
    assert [LETTERS[item] for item in milk.item] == ["tea", "bread"]
    assert milk.score.tolist() == pytest.approx([2 / (6**0.5 + 1), 1 / (3**0.5 + 1)])
    assert len(neighbours.of(LETTERS.index("coffee"))) == 0


def test_ties_go_to_the_smaller_index() -> None:
    """Among equals the order of the ids decides, also at the cut."""
    log = log_of([Line(None, f"i{number}", order="one") for number in range(9)])
    neighbours = Neighbours.from_baskets(log, k=3, shrinkage=0.0)
    assert neighbours.of(0).item.tolist() == [1, 2, 3]
    assert neighbours.of(2).item.tolist() == [0, 1, 3]
    assert neighbours.of(8).item.tolist() == [0, 1, 2]
    assert neighbours.weight.max() == 1.0


@pytest.mark.parametrize(("max_size", "expected"), [(3, 0), (4, 4), (5, 4)])
def test_largest_group_that_counts(max_size: int, expected: int) -> None:
    """A basket, or a user, of exactly the limit counts; one item more and it is left out."""
    log = log_of([Line("u", item) for item in LETTERS])
    for neighbours in (
        Neighbours.from_baskets(log, k=1, max_basket=max_size),
        Neighbours.from_users(log, k=1, max_items=max_size),
    ):
        assert len(neighbours.item) == expected


def test_shrinkage_doubts_rare_pairs() -> None:
    """Two strangers who met once lose to an old couple, though their cosine is 1."""
    lines = [Line(None, item, order=f"{k}") for k in range(20) for item in (["tea", "milk"] if k else ["tea", "rare"])]
    sure, doubtful = (Neighbours.from_baskets(log_of(lines), k=1, shrinkage=s) for s in (0.0, 10.0))
    assert sure.of(1).score[0] == pytest.approx(1 / 20**0.5)
    assert doubtful.of(0).score[0] / doubtful.of(1).score[0] > sure.of(0).score[0] / sure.of(1).score[0]


def test_checkerboard_neighbours_are_of_one_colour(checkerboard: Interactions) -> None:
    """Items of different colours never meet."""
    neighbours = Neighbours.from_baskets(checkerboard, k=50)
    for i in range(len(neighbours)):
        assert len(neighbours.of(i)) == 9
        assert set((neighbours.of(i).item % 2).tolist()) == {i % 2}


@given(logs(), st.data())
def test_links_are_entries_of_the_matrix(log: Interactions, data: st.DataObject) -> None:
    """Anchors may repeat and targets come in any order: each pair has its weight, or 0."""
    neighbours = Neighbours.from_users(log, k=3)
    everything = st.integers(0, len(log.items) - 1)
    anchors = np.array(data.draw(st.lists(everything, max_size=6)), dtype=np.int32)
    targets = np.array(data.draw(st.lists(everything, max_size=6, unique=True)), dtype=np.int32)
    expected = neighbours.as_matrix().toarray()[anchors][:, targets].T
    np.testing.assert_array_equal(neighbours.links(anchors, targets), expected)


def test_tiny_and_hostile_logs(tiny_log: Interactions, hostile_log: Interactions) -> None:
    """The smallest logs have neighbours or none, but no error; ids do not matter."""
    for build in (Neighbours.from_baskets, Neighbours.from_users):
        assert len(build(tiny_log)) == len(tiny_log.items)
        assert len(build(hostile_log)) == len(HOSTILE_IDS)


def test_empty_log() -> None:
    """No items, no neighbours."""
    assert len(Neighbours.from_baskets(log_of([]))) == 0
    assert Neighbours.from_users(log_of([])).as_matrix().shape == (0, 0)


@pytest.mark.parametrize("arguments", [{"k": 0}, {"shrinkage": -1.0}, {"shrinkage": np.nan}])
def test_wrong_arguments(arguments: dict[str, Any]) -> None:
    """No neighbours at all, or a negative doubt, is a mistake of the caller."""
    with pytest.raises(InvalidInput, match="k must be at least 1, shrinkage at least 0"):
        Neighbours.from_baskets(log_of([Line("u", "i")]), **arguments)


@pytest.mark.parametrize(
    ("indptr", "item", "problem"),
    [
        ([0, 2, 1], [1], "ascend from 0"),
        ([1, 1], [0], "ascend from 0"),
        ([0, 2, 2], [1], "ends at 2"),
        ([0, 1], [1], r"items in \[0, 1\)"),
        ([0, 1], [-1], r"items in \[0, 1\)"),
    ],
)
def test_broken_arrays_are_refused(indptr: list[int], item: list[int], problem: str) -> None:
    """Arrays that do not fit together, as from a damaged artifact, are refused."""
    with pytest.raises(InvalidInput, match=problem):
        Neighbours(np.array(indptr, np.int64), np.array(item, np.int32), np.ones(len(item), np.float32))
