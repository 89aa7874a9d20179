"""Which commit of the program is running."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from training.program import commit_of


def git(folder: Path, *args: str) -> str:
    """Run git as somebody."""
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@shop.example", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", folder, *who, *args], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one commit."""
    for package in ("recommender", "training"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "model.py").write_text("x = 1\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "Begin")
    return tmp_path


def test_commit_of_a_checkout(checkout: Path) -> None:
    """A clean checkout is its commit; notes beside the code change nothing, changed or new code is named dirty."""
    commit = git(checkout, "rev-parse", "HEAD")
    assert commit_of(checkout) == commit
    (checkout / "notes.txt").write_text("tea")
    assert commit_of(checkout) == commit
    (checkout / "training" / "new.py").write_text("y = 2\n")
    assert commit_of(checkout) == f"{commit}-dirty"


def test_no_commit_outside_of_a_checkout(tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the packages are installed there is none, nor in a checkout without a commit or a machine without git."""
    (tmp_path / "site-packages").mkdir()
    assert commit_of(tmp_path / "site-packages") is None
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    assert commit_of(empty) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(checkout) is None
