"""Peers: who is alike and what they vote for, against the definition written out densely, and by hand."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender import peers as module
from recommender.confidence import Confidence
from recommender.errors import InvalidInput
from recommender.events import Event
from recommender.histories import FreshEvent, Histories, History
from recommender.interactions import GUEST, Interactions
from recommender.peers import Adjacency, Kinship, Peers
from tests.planted import START, TINY, Line, log_of
from tests.strategies import logs

NOW = START + np.timedelta64(400, "D")
KINSHIPS = st.builds(
    Kinship,
    k=st.integers(1, 4),
    rarity=st.sampled_from([0.0, 0.5, 1.0]),
    modesty=st.sampled_from([0.0, 0.5, 1.0]),
    discount=st.sampled_from([0.0, 0.3]),
)


def owned(log: Interactions) -> npt.NDArray[np.float64]:
    """(n_users, n_items) 1 where the user bought the item."""
    matrix = np.zeros((len(log.users), len(log.items)))
    rows = log.purchases().of_users()
    matrix[rows.user, rows.item] = 1
    return matrix


def likeness(log: Interactions, user: int, kinship: Kinship) -> npt.NDArray[np.float64]:
    """(n_users,) by the definition, 0 for the user."""
    held = owned(log)
    buyers, sizes = np.maximum(held.sum(axis=0), 1), np.maximum(held.sum(axis=1), 1)
    alike: npt.NDArray[np.float64] = (held @ (held[user] * buyers**-kinship.rarity)) * sizes**-kinship.modesty
    alike[user] = 0
    return alike


def history_of(log: Interactions, user: int) -> History:
    """What the log says of a user."""
    return Histories.from_interactions(log, Confidence(), now=NOW).of(user)


@given(logs(), KINSHIPS, st.data())
def test_scores_equal_the_definition(log: Interactions, kinship: Kinship, data: st.DataObject) -> None:
    """The most alike are found by likeness, ties by index, and vote with it for what they bought."""
    user = data.draw(st.integers(0, len(log.users) - 1))
    peers, alike = Peers.from_interactions(log, kinship), likeness(log, user, kinship)
    chosen = peers.alike(history_of(log, user))
    best = np.sort(alike[alike > 0])[::-1][: kinship.k]
    np.testing.assert_allclose(chosen.score, best, rtol=1e-5)
    np.testing.assert_allclose(alike[chosen.item], best, rtol=1e-5)
    held = owned(log)
    votes = alike[chosen.item] @ held[chosen.item]
    expected = votes * np.maximum(held.sum(axis=0), 1) ** -kinship.discount
    scores = peers.scores(history_of(log, user))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-7)


@given(logs(), KINSHIPS, st.data())
def test_links_add_up_to_the_scores(log: Interactions, kinship: Kinship, data: st.DataObject) -> None:
    """Each vote rests on shared purchases, so the parts of the past make up the whole."""
    history = history_of(log, data.draw(st.integers(0, len(log.users) - 1)))
    peers = Peers.from_interactions(log, kinship)
    target = np.array(data.draw(st.lists(st.integers(0, len(log.items) - 1), unique=True)), dtype=np.int32)
    links = peers.links(history, target)
    assert links.shape == (len(target), len(history))
    np.testing.assert_allclose(links.sum(axis=1), peers.scores(history)[target], rtol=1e-4, atol=1e-6)
    assert not links[:, history.orders == 0].any()


def test_by_hand() -> None:
    """Ann shares rare tea with Bob and popular milk with all; Bob's jam beats the bread of Cem and Dan."""
    log = log_of([
        *(Line("ann", item) for item in ("milk", "tea")),
        *(Line("bob", item) for item in ("milk", "tea", "jam")),
        *(Line("cem", item) for item in ("milk", "bread")),
        *(Line("dan", item) for item in ("milk", "oil", "salt", "bread")),
    ])  # fmt: skip
    peers = Peers.from_interactions(log, Kinship(k=2, rarity=1.0, modesty=0.5))
    history = history_of(log, 0)
    alike = peers.alike(history)
    # bob: (1/4 + 1/2) / √3, cem: 1/4 / √2, dan: 1/4 / √4, who is the third of two
    assert [log.users.ids[user] for user in alike.item] == ["bob", "cem"]
    bob, cem = 0.75 / 3**0.5, 0.25 / 2**0.5
    assert alike.score.tolist() == pytest.approx([bob, cem])
    scores = dict(zip(log.items, peers.scores(history).tolist(), strict=True))
    assert scores == pytest.approx({"milk": bob + cem, "tea": bob, "jam": bob, "bread": cem, "oil": 0, "salt": 0})
    links = peers.links(history, np.array([log.items.get("jam")]))
    milk, tea = 0.25 / 3**0.5, 0.5 / 3**0.5
    assert links[0].tolist() == pytest.approx([milk, tea])


def test_a_guest_with_the_same_past_is_served_alike() -> None:
    """Nothing hangs on being in the log, except that nobody is their own peer."""
    log = log_of([Line(user, item) for user, items in PASTS.items() for item in items.split()])
    peers = Peers.from_interactions(log, KINSHIP)
    known = history_of(log, 0)
    guest = dataclasses.replace(known, user_index=None)
    assert log.users.get("ann") == 0
    assert 0 in peers.alike(guest).item
    assert 0 not in peers.alike(known).item
    without = log.select(log.user != 0)
    np.testing.assert_allclose(
        Peers.from_interactions(without, dataclasses.replace(KINSHIP, rarity=0.0, discount=0.0)).scores(guest),
        Peers.from_interactions(log, dataclasses.replace(KINSHIP, rarity=0.0, discount=0.0)).scores(known),
    )


PASTS = {"ann": "milk tea", "bob": "milk tea jam", "cem": "milk bread", "dan": "oil bread"}
KINSHIP = Kinship(k=10)


def test_a_fresh_purchase_counts_and_a_look_does_not() -> None:
    """Buying oil makes Dan alike; looking at it does not."""
    log = log_of([Line(user, item) for user, items in PASTS.items() for item in items.split()])
    peers, oil = Peers.from_interactions(log, KINSHIP), log.items.get("oil") or 0
    dan = log.users.get("dan")
    for event, expected in ((Event.PURCHASE, True), (Event.CLICK, False)):
        history = history_of(log, 0).with_events([FreshEvent(oil, event, 1.0, NOW)], Confidence())
        assert (dan in peers.alike(history).item) is expected


def test_off_is_empty_and_silent() -> None:
    """With k = 0 nothing is stored, and every score is 0."""
    log = log_of([Line(user, item) for user, items in PASTS.items() for item in items.split()])
    peers, history = Peers.from_interactions(log, Kinship()), history_of(log, 0)
    assert not peers.is_on
    assert len(peers.items.entry) == len(peers.buyers.entry) == 0
    assert peers.scores(history).tolist() == [0] * len(log.items)
    assert peers.links(history, np.arange(2)).tolist() == [[0, 0]] * 2


def test_what_everybody_buys_makes_nobody_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items above the limit are left out of likeness, but may still be recommended."""
    monkeypatch.setattr(module, "MOST_BUYERS", 2)
    log = log_of([Line(user, item) for user, items in PASTS.items() for item in items.split()])
    peers, history = Peers.from_interactions(log, KINSHIP), history_of(log, 0)
    assert [log.users.ids[user] for user in peers.alike(history).item] == ["bob"]
    assert peers.scores(history)[log.items.get("milk") or 0] > 0
    assert peers.links(history, np.array([log.items.get("jam")])).tolist()[0][0] == 0


@pytest.mark.parametrize("name", TINY)
def test_smallest_logs(name: str) -> None:
    """Nobody to ask is no error."""
    log = TINY[name]
    peers = Peers.from_interactions(log, KINSHIP)
    stranger = History.empty(NOW)
    assert len(peers.scores(stranger)) == len(log.items)
    assert not peers.scores(stranger).any()


def test_guests_are_nobodys_peers() -> None:
    """A row without a user enters neither side."""
    log = log_of([Line(None, "milk"), Line("ann", "milk")])
    assert (log.user == GUEST).any()
    peers = Peers.from_interactions(log, KINSHIP)
    assert peers.buyers.entry.tolist() == [0]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [({"k": -1}, "k is -1"), ({"rarity": -0.1}, "rarity is -0.1"), ({"modesty": 3}, "modesty is 3"),
     ({"discount": np.nan}, "discount is nan")],
)  # fmt: skip
def test_wrong_kinship(arguments: dict[str, Any], problem: str) -> None:
    """A number that makes no sense is named."""
    with pytest.raises(InvalidInput, match=problem):
        Kinship(**arguments)


@pytest.mark.parametrize(
    ("indptr", "entry", "problem"),
    [([0, 2, 1], [0], "ascend"), ([0, 2], [0], "ends at 2"), ([], [], "ascend")],
)
def test_broken_arrays_are_refused(indptr: list[int], entry: list[int], problem: str) -> None:
    """Arrays that do not fit together, as from a damaged artifact, are refused."""
    with pytest.raises(InvalidInput, match=problem):
        Adjacency(np.array(indptr, np.int64), np.array(entry, np.int32))


@pytest.mark.parametrize(("user", "problem"), [([2], "within"), ([-1], "within"), ([0, 1], "by item")])
def test_views_that_disagree_are_refused(user: list[int], problem: str) -> None:
    """Both views hold the same pairs, inside each other's range."""
    items = Adjacency(np.array([0, 1, 1]), np.array([0], np.int32))
    buyers = Adjacency(np.array([0, len(user)]), np.array(user, np.int32))
    with pytest.raises(InvalidInput, match=problem):
        Peers(KINSHIP, items, buyers)
