"""Which commit of this program is running: known in a checkout, and nowhere else."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import training

TIMEOUT_SECONDS = 10.0
PACKAGES = ("recommender", "training")
"""What shapes a model; a changed page of the documentation makes no other program."""


@cache
def git_commit() -> str | None:
    """Return the commit of the checkout this package lies in, with ``-dirty`` where its code was changed since.

    None outside of a checkout, or without git.
    """
    return commit_of(Path(training.__path__[0]).parent)


def commit_of(root: Path) -> str | None:
    """Return the commit of the checkout whose top is `root`; see `git_commit`."""
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    changed = _git(root, "status", "--porcelain", "--", *PACKAGES)
    return f"{commit}-dirty" if changed is None or changed else commit


def _git(root: Path, *args: str) -> str | None:
    """Return what git says, or None if it refuses."""
    program = shutil.which("git")
    if program is None:
        return None
    try:
        command = [program, "-C", str(root), *args]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True)  # noqa: S603  our own words
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()
