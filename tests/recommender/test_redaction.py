"""Taking people out of models and artifacts: they are gone, and nothing else is."""

import ctypes
import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.artifact import MANIFEST_FILE, load_artifact, save_artifact
from recommender.codec import flatten
from recommender.errors import InvalidArtifact
from recommender.ids import IdMap
from recommender.model import Model
from recommender.redaction import UNFINISHED, exchange, finish_redactions, redact_artifact
from tests import models, planted
from tests.models import PROVENANCE

N_USERS = 197
"""A number that no other side of the planted shop has."""


@pytest.fixture(name="model", scope="module")
def _model() -> Model:
    """A model whose number of users is nothing else's."""
    shop = planted.shop(n_users=N_USERS)
    model = models.model_of(shop.log, shop.catalogue)
    assert len(model.users) == N_USERS
    return model


def sides(model: Model) -> dict[str, tuple[int, ...]]:
    """The shape of every array that an artifact of the model has."""
    return {name: array.shape for name, array in flatten(model)[0].items()}


def test_no_column_of_users_is_left_out(model: Model) -> None:
    """Whatever has a row for each user, or a start of rows, has fewer of them: a new column must be thought of."""
    gone = model.users.ids[5:8]
    rest = model.without_users([*gone, "a stranger"])
    before, after = sides(model), sides(rest)
    of_users = {name for name, shape in before.items() if {N_USERS, N_USERS + 1} & set(shape)}
    assert {"customers.segment", "factors.user", "outlook.alive", "histories.indptr", "peers.items.indptr"} <= of_users
    for name in of_users:
        assert after[name][0] == before[name][0] - 3, name
    assert before.keys() == after.keys()
    assert not set(gone) & set(rest.users.ids)
    text = bytes(flatten(rest)[0]["users.ids.data"])
    assert not [user for user in gone if user.encode() in text]


def test_everybody_else_keeps_their_rows(model: Model) -> None:
    """Past, vectors, scores and peers of others are as they were, under their new numbers; items are untouched."""
    gone = model.users.ids[::10]
    rest = model.without_users(gone)
    assert rest.users == IdMap(tuple(user for user in model.users.ids if user not in gone))
    for user in rest.users.ids[::7]:
        old, new = model.users.index(user), rest.users.index(user)
        past, same = model.histories.of(old), rest.histories.of(new)
        for field in dataclasses.fields(past):
            if field.name != "user_index":
                np.testing.assert_array_equal(getattr(past, field.name), getattr(same, field.name), err_msg=field.name)
        for part in ("customers", "outlook"):
            for name in getattr(model, part).__dataclass_fields__:
                before, after = getattr(getattr(model, part), name)[old], getattr(getattr(rest, part), name)[new]
                np.testing.assert_array_equal(before, after, err_msg=name)
        np.testing.assert_array_equal(model.factors.user[old], rest.factors.user[new])
        bought, _ = model.peers.items.of(np.array([old]))
        np.testing.assert_array_equal(bought, rest.peers.items.of(np.array([new]))[0])
    for name in ("catalogue", "similar", "together", "popularity", "repeat", "blend"):
        assert getattr(rest, name) is getattr(model, name)


def test_buyers_are_who_they_were(model: Model) -> None:
    """Each item is bought by the same people, less those who went, whatever their numbers are now."""
    gone = set(model.users.ids[::10])
    rest = model.without_users(gone)
    for item in range(0, len(model.items), 9):
        before = {model.users.ids[user] for user in model.peers.buyers.of(np.array([item]))[0]}
        after = {rest.users.ids[user] for user in rest.peers.buyers.of(np.array([item]))[0]}
        assert after == before - gone


def test_nobody_and_everybody(model: Model) -> None:
    """Strangers change nothing; a model without users is still one."""
    same = model.without_users(["a stranger"])
    assert flatten(same)[1] == flatten(model)[1]
    for name, array in flatten(model)[0].items():
        np.testing.assert_array_equal(array, flatten(same)[0][name], err_msg=name)
    assert len(model.without_users(model.users.ids).users) == 0


@pytest.fixture(name="saved")
def _saved(tmp_path: Path) -> Path:
    """An artifact of its own."""
    return tmp_path / save_artifact(models.shop_model(), PROVENANCE, tmp_path).version


def test_the_copy_takes_the_artifacts_name(saved: Path) -> None:
    """It loads, is of the same version, says how many went, and no file of it names them; a second run does nothing."""
    gone = models.shop_model().users.ids[3:5]
    mapped = load_artifact(saved)
    assert redact_artifact(saved, gone) == 2
    again = load_artifact(saved)
    assert (again.version, again.manifest.redacted_users) == (saved.name, 2)
    assert not [path for path in saved.iterdir() for user in gone if user.encode() in path.read_bytes()]
    assert mapped.model.histories.of(3).item.tolist() == models.shop_model().histories.of(3).item.tolist()
    written = (saved / MANIFEST_FILE).stat().st_mtime_ns
    assert redact_artifact(saved, gone) == 0
    assert (saved / MANIFEST_FILE).stat().st_mtime_ns == written
    assert redact_artifact(saved, [*gone, models.shop_model().users.ids[9]]) == 1
    assert load_artifact(saved).manifest.redacted_users == 3
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_damaged_artifact_is_left_as_it_is(saved: Path) -> None:
    """Nothing is written over what cannot be read."""
    (saved / "factors.user.npy").write_bytes(b"")
    with pytest.raises(InvalidArtifact):
        redact_artifact(saved, models.shop_model().users.ids[:1])
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize("moved_away", [False, True])
def test_what_a_stopped_run_left_is_cleared_away(saved: Path, *, moved_away: bool) -> None:
    """A copy that never took its place goes; where the version had been moved away already, the copy comes in."""
    copy = saved.with_name(UNFINISHED + saved.name)
    shutil.copytree(saved, copy)
    if moved_away:
        saved.rename(copy.with_name(f"{copy.name}.old"))
    finish_redactions(saved.parent)
    assert load_artifact(saved).version == saved.name
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


class _WithoutExchange:
    """A system that cannot exchange two folders."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take what a library takes."""


def test_folders_swap_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one step or in three."""
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "was").write_text(name)
    exchange(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a" / "was").read_text() == "b"
    monkeypatch.setattr(ctypes, "CDLL", _WithoutExchange)
    exchange(tmp_path / "a", tmp_path / "b")
    assert [(tmp_path / name / "was").read_text() for name in "ab"] == ["a", "b"]
    assert len(list(tmp_path.iterdir())) == 2
