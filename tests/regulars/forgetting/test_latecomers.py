"""Whoever is forgotten while a version is trained is not in it, nor in what is written beside it."""

from __future__ import annotations

from contextlib import AbstractContextManager

import orjson
import pytest

from recommender.artifact import load_artifact
from regulars.config import load
from regulars.forgetting.latecomers import train_without_erased
from tests.regulars.forgetting.conftest import Running
from tests.regulars.forgetting.test_forget import GUEST_ID, is_exported, run, some_users
from training.outcome_files import load_outcomes
from training.progress import SilentProgress, Step


class Interrupted(SilentProgress):
    """Lets somebody be forgotten, from end to end, right before a step of training."""

    def __init__(self, running: Running, user: str, *, before: str) -> None:
        self.complete = False
        self._who = (running, user)
        self._before = before

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
        """Forget when the step's turn has come."""
        if name == self._before:
            self.complete = run(*self._who).is_complete
        return super().step(name, total=total)


@pytest.mark.parametrize("before", ["save", "keep figures by user"])
def test_who_is_forgotten_during_a_training(running: Running, before: str) -> None:
    """Their receipt is complete before there is a version to take them out of, or only some of its files."""
    user, other = some_users(running)
    config = running.shop.config
    config.write_text(config.read_text(encoding="utf-8").replace("iterations = 3", "iterations = 4"), encoding="utf-8")
    progress = Interrupted(running, user, before=before)
    result = train_without_erased(load(config), progress=progress)
    assert progress.complete
    assert not result.reused
    users = load_artifact(result.directory).model.users
    assert (user in users, other in users) == (False, True)
    assert user not in load_outcomes(result.version, running.data / "reports").window.users
    found = running.files_with(user, but=is_exported)
    assert [path for path in found if not path.startswith("valkey/")] == []


def test_the_guest_they_were_is_not_left_in_quarantine(running: Running) -> None:
    """Forgotten right before training writes what it refused, of files that it read with their guest in them."""
    user, _ = some_users(running)
    merge = {"event": "merge", "event_id": "m", "time": "2024-01-01T00:00:00Z", "user_id": user}
    lines = [{**merge, "anonymous_id": GUEST_ID}, {"event": "click", "event_id": "c", "anonymous_id": GUEST_ID}]
    running.settings.events_dir.mkdir(exist_ok=True)
    path = running.settings.events_dir / "events-2024-01-01.jsonl"
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines) + f'{{"anonymous_id":"{GUEST_ID}"'.encode())
    train_without_erased(load(running.shop.config), progress=SilentProgress())
    quarantine = running.data / "quarantine" / "purchases.csv"
    assert GUEST_ID in quarantine.read_text(encoding="utf-8"), "this is how it gets there"
    changed = running.shop.config.read_text(encoding="utf-8").replace("iterations = 3", "iterations = 4")
    running.shop.config.write_text(changed, encoding="utf-8")
    progress = Interrupted(running, user, before="clean")
    train_without_erased(load(running.shop.config), progress=progress)
    assert progress.complete
    assert [path for path in running.files_with(GUEST_ID, but=is_exported) if not path.startswith("valkey/")] == []
