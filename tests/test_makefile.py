"""What `make` hands on: the configuration, overrides and options of each target, as one command line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pages import make_targets

ROOT = Path(__file__).parent.parent
COMMANDS = (
    "demo",
    "train",
    "evaluate",
    "tune",
    "compare",
    "gate",
    "report",
    "publish",
    "rollback",
    "versions",
    "serve",
)

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def commands(*args: str) -> list[str]:
    """The regulars commands that `make` would run; nothing is run."""
    run = subprocess.run(["make", "--dry-run", *args], cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in run.stdout.splitlines() if line.startswith(".venv/bin/regulars ")]


@pytest.mark.parametrize("target", COMMANDS)
def test_every_command_takes_configuration_and_overrides(target: str) -> None:
    """CONFIG, the short names and SET reach each command, the demo included."""
    (command,) = commands(target, "CONFIG=my shop.toml", "FACTORS=128", "SEED=7", "SET=blend.window_days=14")
    assert command.startswith(f".venv/bin/regulars {target}")
    assert command.endswith(
        '--config "my shop.toml" --set "als.factors=128" --set "als.seed=7" --set "blend.window_days=14"'
    )


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (["tune", "TRIALS=20", "MINUTES=10"], 'tune --trials "20" --minutes "10" '),
        (["tune", "SEARCH=als.factors als.iterations"], 'tune --search "als.factors" --search "als.iterations" '),
        (["tune", "MIX=all=1,new=2", "PATIENCE=3", "APPLY=1"], 'tune --patience "3" --mix "all=1,new=2" --apply '),
        (["compare", "A=x", "B=y"], 'compare "x" "y" '),
        (["gate", "VERSION=x"], 'gate "x" '),
        (["publish", "VERSION=x"], 'publish "x" '),
        (["demo", "DEMO_EXIT=1"], "demo --exit "),
    ],
)
def test_options_of_single_targets(args: list[str], command: str) -> None:
    """What only one command knows is given by its own variable."""
    (found,) = commands(*args)
    assert found.startswith(f".venv/bin/regulars {command}")


def test_optional_libraries_have_a_set_up() -> None:
    """Each lock of an extra is installed by a target, once: a stamp stands for it."""
    assert {"setup-spark", "setup-mlflow", "tune"} <= make_targets()
    for stamp in ("tune", "mlflow", "spark"):
        run = subprocess.run(
            ["make", "--dry-run", "--always-make", f".venv/.{stamp}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"--requirement requirements/{stamp}.lock" in run.stdout
        assert f"touch .venv/.{stamp}" in run.stdout
