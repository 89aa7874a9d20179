"""The planted logs keep what they promise: other tests take it for granted."""

import dataclasses

import numpy as np
import pytest

from recommender.ids import id_problem
from recommender.interactions import GUEST, Interactions
from tests import planted


def columns(log: Interactions) -> dict[str, object]:
    """All columns as lists, to compare logs."""
    return {
        field.name: getattr(log, field.name).tolist()
        for field in dataclasses.fields(log)
        if isinstance(getattr(log, field.name), np.ndarray)
    }


@pytest.mark.parametrize("plan", [planted.checkerboard, planted.rhythms, planted.drifting, planted.hostile])
def test_plans_are_deterministic(plan: object) -> None:
    """The same plan gives the same log."""
    assert callable(plan)
    assert columns(plan()) == columns(plan())


def test_shop_is_deterministic_and_seeded() -> None:
    """The shop is a function of its seed."""
    first, again, other = (planted.shop(n_users=20, seed=seed).log for seed in (1, 1, 2))
    assert columns(first) == columns(again) != columns(other)


def test_shop_has_its_structure(planted_shop: planted.PlantedShop) -> None:
    """Purchases lie mostly in the buyer's aisle, staples all of them, and some orders are a guest's."""
    log = planted_shop.log
    named = log.of_users()
    in_taste = planted_shop.aisle[named.item] == planted_shop.taste[named.user]
    assert 0.85 < in_taste.mean() < 0.99
    assert (planted_shop.aisle[planted_shop.staples] == planted_shop.taste[:, None]).all()
    assert 0.02 < (log.user == GUEST).mean() < 0.08
    assert len(planted_shop.catalogue) == len(log.items)


def test_checkerboard_hides_one_item_per_user(checkerboard: Interactions) -> None:
    """Item u is of user u's colour, and the only one of it that user u does not own."""
    n = len(checkerboard.users)
    for u in range(n):
        owned = set(checkerboard.item[checkerboard.user == u].tolist())
        assert set(range(u % 2, n, 2)) - owned == {u}


def test_rhythms_end_on_their_last_day() -> None:
    """The last purchase of every rhythm lies one interval before its due day, with or without jitter."""
    log = planted.rhythms(jitter_days=2)
    for rhythm in planted.RHYTHMS:
        mask = (log.user == log.users.index(rhythm.user)) & (log.item == log.items.index(rhythm.item))
        assert log.time[mask].max() == planted.at(rhythm.due_day - rhythm.every_days)


@pytest.mark.parametrize("value", planted.HOSTILE_IDS)
def test_hostile_ids_are_valid(value: str) -> None:
    """Every hostile id is one that the project accepts."""
    assert id_problem(value) is None
