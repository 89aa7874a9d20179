"""What killed programs left goes; what somebody may still be writing stays."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from recommender.artifact import save_artifact
from recommender.leftovers import SETTLED_SECONDS, UNFINISHED, left_over, scratch_folder, take_away
from tests import models
from tests.models import PROVENANCE


def aged(path: Path, seconds: float = 2 * SETTLED_SECONDS) -> Path:
    """Let a file or a folder with all that is in it have been changed so long ago."""
    then = time.time() - seconds
    for inside in (*path.rglob("*"), path):
        os.utime(inside, (then, then))
    return path


def unfinished(root: Path, name: str) -> Path:
    """A version that was being written."""
    folder = root / f"{UNFINISHED}{name}"
    (folder / "artifact").mkdir(parents=True)
    (folder / "artifact" / "users.ids.npy").write_bytes(b"17")
    return folder


def test_age_and_locks_decide(tmp_path: Path) -> None:
    """Old and held by nobody: gone; young, changed within, or held: not."""
    old, young = aged(unfinished(tmp_path, "old")), unfinished(tmp_path, "young")
    changed = aged(unfinished(tmp_path, "changed"))
    (changed / "artifact" / "users.ids.npy").write_bytes(b"18")
    with scratch_folder(tmp_path) as held:
        assert left_over(tmp_path, f"{UNFINISHED}*") == [old]
        assert left_over(tmp_path, f"{UNFINISHED}*", settled_seconds=-1) == sorted([old, young, changed])
        aged(held)
        assert held not in left_over(tmp_path, f"{UNFINISHED}*")
    assert not held.exists()
    take_away(old)
    take_away(old)
    assert not old.exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Only the link goes, and not what it leads to."""
    there = tmp_path / "elsewhere"
    there.mkdir()
    (there / "file").write_text("mine", encoding="utf-8")
    link = tmp_path / f"{UNFINISHED}link"
    link.symlink_to(there)
    take_away(link)
    assert (there / "file").read_text(encoding="utf-8") == "mine"
    assert not link.exists()


def test_the_next_training_clears_up(tmp_path: Path) -> None:
    """Saving a version takes away those that were never finished, an hour after they were last changed."""
    old, young = aged(unfinished(tmp_path, "old")), unfinished(tmp_path, "young")
    save_artifact(models.tiny_model("one day"), PROVENANCE, tmp_path)
    assert (old.exists(), young.exists()) == (False, True)


def test_what_nobody_may_look_into_is_somebodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of another account, or on a disk that fails, stays where it is and stops nobody."""
    aged(unfinished(tmp_path, "old"))

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert left_over(tmp_path, f"{UNFINISHED}*") == []
