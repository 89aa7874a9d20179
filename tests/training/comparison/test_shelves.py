"""What a new version changes for customers."""

import dataclasses
from pathlib import Path

import pytest

from recommender.artifact import Artifact, load_artifact, save_artifact
from tests import models, planted
from training.comparison.shelves import ItemShift, sample_users, shelf_change, shelves_of


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The planted shop's model, saved and loaded."""
    root = tmp_path_factory.mktemp("artifacts")
    manifest = save_artifact(models.shop_model(), models.PROVENANCE, root)
    return load_artifact(Path(root) / manifest.version)


def test_the_same_version_changes_nothing(artifact: Artifact) -> None:
    """Asked twice, an engine shows every user the same shelf, and nothing rises or falls."""
    users = sample_users(artifact.model.users.ids, artifact.model.users.ids, n=15, seed=1)
    steps: list[int] = []
    first, second = (shelves_of(artifact, users, advance=lambda: steps.append(1)) for _ in range(2))
    change = shelf_change(artifact, artifact, (first, second))
    assert len(steps) == 30
    assert (change.n_users, change.unchanged, change.changed, change.reordered) == (15, 15, 0, 0)
    assert (change.mean_replaced, change.rose, change.fell) == (0.0, (), ())
    assert all(len(shelf) == 10 for shelf in first)


def test_changes_by_hand(artifact: Artifact) -> None:
    """Three shelves: one the same, one turned round, one with a pick replaced."""
    i = [planted.item_id(at) for at in range(4)]
    before = [(i[0], i[1]), (i[0], i[1]), (i[0], i[2])]
    after = [(i[0], i[1]), (i[1], i[0]), (i[3], i[2])]
    change = shelf_change(artifact, artifact, (before, after))
    assert (change.unchanged, change.reordered, change.changed) == (1, 1, 1)
    assert change.replaced[:3] == (2, 1, 0)
    assert change.mean_replaced == pytest.approx(1 / 3)
    assert (change.items_a, change.items_b) == (3, 4)
    assert change.rose == (ItemShift(item_id=i[3], title="Thing 3", a=0, b=1),)
    assert change.fell == (ItemShift(item_id=i[0], title="Thing 0", a=3, b=2),)


def test_swapping_the_versions(artifact: Artifact) -> None:
    """What rose falls, and as many picks are new in one direction as in the other on shelves of one length."""
    i = [planted.item_id(at) for at in range(6)]
    before, after = [(i[0], i[1]), (i[2], i[3])], [(i[4], i[1]), (i[4], i[5])]
    there = shelf_change(artifact, artifact, (before, after))
    back = shelf_change(artifact, artifact, (after, before))
    assert there.replaced == back.replaced
    assert [dataclasses.replace(shift, a=shift.b, b=shift.a) for shift in there.rose] == list(back.fell)


def test_the_sample_is_of_users_both_know() -> None:
    """The same seed draws the same users, ascending and without repeats; a small shop is taken whole."""
    a, b = [f"u{at:03d}" for at in range(100)], [f"u{at:03d}" for at in range(50, 150)]
    drawn = sample_users(a, b, n=20, seed=1)
    assert drawn == sample_users(b, a, n=20, seed=1) == sorted(set(drawn))
    assert len(drawn) == 20
    assert set(drawn) <= set(a) & set(b)
    assert sample_users(a, b, n=50, seed=1) == a[50:]
    assert sample_users(a, ["x"], n=5, seed=1) == []
