"""What `make` hands on: the configuration, overrides and options of each target, as one command line."""

from __future__ import annotations

import shlex
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
        "--config 'my shop.toml' --set 'als.factors=128' --set 'als.seed=7' --set 'blend.window_days=14'"
    )


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (["tune", "TRIALS=20", "MINUTES=10"], "tune --trials '20' --minutes '10' "),
        (["tune", "SEARCH=als.factors als.iterations"], "tune --search 'als.factors' --search 'als.iterations' "),
        (["tune", "MIX=all=1,new=2", "PATIENCE=3", "APPLY=1"], "tune --patience '3' --mix 'all=1,new=2' --apply "),
        (["compare", "A=x", "B=y"], "compare 'x' 'y' "),
        (["compare", "REPORT=1"], "compare   --report "),
        (["gate", "VERSION=x"], "gate 'x' "),
        (["publish", "VERSION=x", "FORCE=1"], "publish 'x' --force "),
        (["demo", "DEMO_EXIT=1"], "demo --exit "),
    ],
)
def test_options_of_single_targets(args: list[str], command: str) -> None:
    """What only one command knows is given by its own variable."""
    (found,) = commands(*args)
    assert found.startswith(f".venv/bin/regulars {command}")


HOSTILE = ("`touch x`", "$(touch x)", "$$(touch x)", "$(shell touch x)", '"; touch x; "', "'; touch x; '", "a'b c")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("variable", ["A", "VERSION", "CONFIG", "SEGMENT", "MIX", "FACTORS", "DATA", "BENCH_DATA"])
def test_what_is_given_runs_nothing(variable: str, text: str) -> None:
    """A value reaches the command letter by letter, whatever make and the shell would read in it."""
    target = {"A": "compare", "SEGMENT": "campaign", "MIX": "tune", "DATA": "bench-quality"}.get(variable, "gate")
    target = "bench-quality" if variable == "BENCH_DATA" else target
    run = subprocess.run(
        ["make", "--dry-run", target, f"{variable}={text}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (line,) = [line for line in run.stdout.splitlines() if " -m benchmarks.quality" in line or "/regulars " in line]
    words = shlex.split(line)
    assert any(word.endswith(text) for word in words), words
    assert "touch" not in words
    assert not (ROOT / "x").exists()


def test_exported_names_mean_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """VERSION and SEED in the environment of a build server are not meant for us."""
    for name in ("A", "VERSION", "SEED", "SET"):
        monkeypatch.setenv(name, "7")
    assert commands("gate") == [".venv/bin/regulars gate  --config 'regulars.toml' "]


def test_optional_libraries_have_a_set_up() -> None:
    """Each lock of an extra is installed by a target, once: a stamp stands for it."""
    assert {"setup-spark", "setup-mlflow", "setup-otel", "tune"} <= make_targets()
    for stamp in ("tune", "mlflow", "otel", "spark"):
        run = subprocess.run(
            ["make", "--dry-run", "--always-make", f".venv/.{stamp}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"--requirement requirements/{stamp}.lock" in run.stdout
        assert f"touch .venv/.{stamp}" in run.stdout
