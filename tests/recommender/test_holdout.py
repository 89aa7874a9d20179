import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import EmptyLog
from recommender.events import Event
from recommender.holdout import Holdout, first_baskets
from recommender.item_lists import ItemLists
from recommender.purpose import Purpose
from recommender.splits import time_split
from tests.recommender.dated_log import DatedLine, dated_log

CUT = np.datetime64("2024-03-10")

LINES: list[DatedLine] = [
    ("ann", "tea", "2024-03-01"),
    ("ann", "tea", "2024-03-02"),
    ("bob", "tea", "2024-03-01"),
    ("bob", "milk", "2024-03-02"),
    ("eve", "milk", "2024-03-03"),
    (None, "salt", "2024-03-03"),
    ("ann", "tea", "2024-03-10"),
    ("ann", "milk", "2024-03-11"),
    ("bob", "tea", "2024-03-11"),
    ("bob", "rice", "2024-03-12"),
    ("new", "tea", "2024-03-12"),
]


def holdout() -> Holdout:
    return Holdout.from_split(time_split(dated_log(LINES), CUT))


def rows(lists: ItemLists) -> list[list[int]]:
    return [lists.row(row).tolist() for row in range(len(lists))]


def test_only_known_users_and_items_are_measured() -> None:
    """A user or an item first seen after the cut is nobody's right answer."""
    items = dated_log(LINES).items
    truth = holdout()
    assert truth.user.tolist() == [0, 1]  # ann, bob; eve did not come back
    assert rows(truth.bought) == [[items.index("milk"), items.index("tea")], [items.index("tea")]]


def test_new_items_are_those_the_user_did_not_own() -> None:
    """For "new" what a user bought again is not relevant, and a user may have nothing relevant."""
    truth = holdout()
    assert rows(truth.relevant(Purpose.NEW)) == [[dated_log(LINES).items.index("milk")], []]
    assert truth.relevant(Purpose.ALL) is truth.bought


def test_facts_from_train_are_counted_once_per_user() -> None:
    """Buyers are distinct users; guests make an item known and nothing else."""
    truth, items = holdout(), dated_log(LINES).items
    counts = dict(zip(items, truth.buyers.tolist(), strict=True))
    assert counts == {"tea": 2, "milk": 2, "salt": 0, "rice": 0}
    assert [item for item, known in zip(items, truth.known_item, strict=True) if known] == ["milk", "salt", "tea"]
    assert truth.n_train_users == 3
    assert truth.value.tolist() == [2, 2]


def test_other_events_are_not_the_truth() -> None:
    """Looking at an item after the cut is not buying it."""
    clicks = dated_log(LINES, event=Event.CLICK)
    with pytest.raises(EmptyLog, match="choose an earlier cut"):
        Holdout.from_split(time_split(clicks, CUT))


def test_deciles_order_users_by_money_spent() -> None:
    """Twenty users with distinct spending fill ten deciles with two each, the richest in the tenth."""
    names = [f"user {number:02}" for number in range(20)]
    lines: list[DatedLine] = [(name, "tea", "2024-03-01") for name in names]
    lines += [(name, "tea", "2024-03-11") for name in names]
    log = dated_log(lines, amount=[*range(20), *range(20)])
    assert Holdout.from_split(time_split(log, CUT)).deciles().tolist() == [1 + number // 2 for number in range(20)]


def test_equal_spenders_share_a_decile() -> None:
    """Ties are not split at random."""
    assert set(holdout().deciles().tolist()) == {1}


def test_owned_items_bought_again_are_the_truth_of_again() -> None:
    """Bob's tea was bought before and after the cut; Ann's milk was not."""
    items = dated_log(LINES).items
    assert rows(holdout().relevant(Purpose.AGAIN)) == [[items.index("tea")], [items.index("tea")]]


def test_cart_and_rest_make_up_the_first_basket_after_the_cut() -> None:
    """Half of it, rounded down, lies in the cart; baskets of one item say nothing, and later ones are not looked at."""
    lines: list[DatedLine] = [(user, item, "2024-03-01") for user in ("ann", "bob", "eve") for item in "abcdefg"]
    lines += [("ann", "a", "2024-03-10"), *(("ann", item, "2024-03-11") for item in "bcdef")]
    lines += [*(("ann", item, "2024-03-12") for item in "fg"), ("bob", "a", "2024-03-13")]
    lines += [("eve", item, "2024-03-14") for item in "ab"]
    truth = Holdout.from_split(time_split(dated_log(lines), CUT))
    assert truth.cart.lengths.tolist() == [2, 0, 1]
    assert truth.rest.lengths.tolist() == [3, 0, 1]
    assert [sorted([*held, *rest]) for held, rest in zip(truth.cart, truth.rest, strict=True)] == [
        [1, 2, 3, 4, 5],
        [],
        [0, 1],
    ]
    assert truth.relevant(Purpose.CART) is truth.rest


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 8)), max_size=40))
def test_first_baskets_equal_their_definition(lines: list[tuple[int, int, int]]) -> None:
    """The vectorised search is that of a loop over each user's days."""
    known = [(f"user {user}", f"item {item}", "2024-03-01") for user in range(5) for item in range(7)]
    log = dated_log([*known, *((f"user {u}", f"item {i}", f"2024-04-0{day + 1}") for u, i, day in lines)])
    bought = log.between(np.datetime64("2024-04-01"), None)
    users = np.arange(5, dtype=np.int32)
    for user, found in zip(users.tolist(), first_baskets(bought, users), strict=True):
        baskets = [sorted({i for u, i, d in lines if (u, d) == (user, day)}) for day in range(9)]
        assert found.tolist() == next((basket for basket in baskets if len(basket) >= 2), [])
