"""A lock keeps others out where there are locks, and nobody where there are none."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path
from typing import Any

import pytest

from recommender.file_locks import take_lock


def test_one_at_a_time(tmp_path: Path) -> None:
    """Who does not want to wait is told that somebody holds it; when that one ends, it is free."""
    path = tmp_path / "lock"
    with path.open("w") as first, path.open("w") as second:
        assert take_lock(first)
        with pytest.raises(BlockingIOError):
            take_lock(second, wait=False)
        first.close()
        assert take_lock(second, wait=False)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """What a network disk answers is no error: there is nothing to wait for."""

    def refuse(*_: Any) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (tmp_path / "lock").open("w") as file:
        assert not take_lock(file)
        assert not take_lock(file, wait=False)


def test_other_errors_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails is not one without locks."""

    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(fcntl, "flock", fail)
    with (tmp_path / "lock").open("w") as file, pytest.raises(OSError, match="broken"):
        take_lock(file)
