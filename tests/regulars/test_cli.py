"""The command line as its user meets it: help, exit codes, and what is printed where."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recommender.errors import ConfigError, GateRefused, InvalidInput, RecommenderError
from regulars import cli
from regulars.cli import INTERRUPTED, main
from tests.regulars.conftest import Shop

COMMANDS = (
    "train",
    "evaluate",
    "tune",
    "compare",
    "gate",
    "report",
    "publish",
    "rollback",
    "serve",
    "campaign create",
    "campaign list",
    "campaign preview",
    "campaign export",
    "campaign report",
    "demo",
    "versions list",
    "versions show",
    "config check",
    "config show",
    "keys create",
    "keys list",
    "keys revoke",
    "keys signing-secret create",
    "keys signing-secret list",
    "keys signing-secret revoke",
)
HEAVY = ("numpy", "scipy", "polars", "fastapi", "redis", "granian", "matplotlib", "implicit", "optuna", "mlflow")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_cheap_and_has_examples(command: str) -> None:
    """The help of every command shows examples, and loads nothing that is heavy."""
    script = (
        "import sys; from regulars.cli import main; code = main(sys.argv[1:]);"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, *command.split(), "--help"], capture_output=True, text=True, check=True
    )
    assert run.stderr.strip() == ""
    assert "Examples" in run.stdout
    assert f"regulars {command}".strip() in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", ["publish", "train", "keys", "keys create"])
def test_help_fills_the_terminal(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sentences break where the terminal ends, not where the lines of the source do."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERMINAL_WIDTH", "120")
    assert main([*command.split(), "--help"]) == 0
    prose = capsys.readouterr().out.partition("╭")[0]
    assert max(len(line.rstrip()) for line in prose.splitlines()) > 80


def test_module_runs() -> None:
    """``python -m regulars`` is the same command."""
    run = subprocess.run([sys.executable, "-m", "regulars", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("regulars ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RecommenderError("no"), 1),
        (InvalidInput("no"), 2),
        (ConfigError("no"), 2),
        (GateRefused("no"), 3),
        (FileNotFoundError(2, "no", "there"), 1),
        (KeyboardInterrupt(), INTERRUPTED),
    ],
)
def test_refusals_are_one_message(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal is a line on standard error and an exit code by its kind, never a traceback."""

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    if isinstance(error, KeyboardInterrupt):
        monkeypatch.setattr(cli, "app", lambda **_: sys.exit(INTERRUPTED))
    assert main([]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("args", [["trian"], ["train", "--nope"], ["campaign", "export"], []])
def test_wrong_usage(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command line exits with 2 and says how it is used."""
    assert main(args) == 2
    captured = capsys.readouterr()
    assert "Usage" in captured.out + captured.err


def test_missing_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a configuration it is said where one is looked for."""
    assert main(["train", "--config", str(tmp_path / "none.toml")]) == 2
    assert "there is no such file; name the configuration with --config" in capsys.readouterr().err


def test_evaluate(trained_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The table stands beside its baselines and fits into 80 columns; JSON holds every figure."""
    assert trained_shop.run("evaluate") == 0
    table = capsys.readouterr().out
    assert max(map(len, table.splitlines())) <= 80
    for words in ("All items", "Items new to the user", "popularity", "own top", "nDCG@10", "better than"):
        assert words in table
    assert trained_shop.run("evaluate", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["figures"]
    assert content["version"]


def test_versions(trained_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The list names each version with its figures, with and without its subcommand; one can be shown."""
    assert trained_shop.run("versions", "--json") == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row["current"] is False
    assert row["ndcg_all"] > 0
    assert trained_shop.run("versions list") == 0
    table = capsys.readouterr().out
    assert row["version"] in table
    assert max(map(len, table.splitlines())) <= 80
    assert trained_shop.run("versions show", row["version"], "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["version"] == row["version"]
    assert [entry["event"] for entry in shown["journal"]] == ["trained"]
    assert trained_shop.run("versions show") == 0
    assert row["version"] in capsys.readouterr().out


def test_options_before_a_subcommand_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """An option that would go unheard is refused."""
    assert main(["versions", "--json", "list"]) == 2
    assert "behind list" in capsys.readouterr().err


def test_unknown_version(trained_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A version that is not there is named, with those that are."""
    assert trained_shop.run("evaluate", "20240101-000000000000") == 1
    assert "there is no version '20240101-000000000000'" in capsys.readouterr().err


def test_report(trained_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output holds the path of the page and nothing else."""
    assert trained_shop.run("report") == 0
    assert Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_report_is_written_once(trained_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A page that is newer than what it is made from is left alone; an older one is made again."""
    assert trained_shop.run("report") == 0
    page = Path(capsys.readouterr().out.strip())
    before = page.stat().st_mtime_ns
    assert trained_shop.run("report") == 0
    assert page.stat().st_mtime_ns == before
    os.utime(page, (1, 1))
    assert trained_shop.run("report") == 0
    assert page.stat().st_mtime_ns > before


def test_train_reuses(trained_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A second training of the same log says that nothing has changed."""
    assert trained_shop.run("train") == 0
    assert "reused: nothing has changed" in capsys.readouterr().out


def test_campaign_before_publishing(trained_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a published version it is said what to do."""
    assert trained_shop.run("campaign export", "--segment", "all") == 1
    assert "nothing was published yet" in capsys.readouterr().err


def test_config_show_reads_back(trained_shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `config show` prints is a configuration, and comes to the same."""
    assert trained_shop.run("config show", "--set", "als.seed=7") == 0
    shown = capsys.readouterr().out
    assert "seed = 7  # --set als.seed" in shown
    copy = tmp_path / "regulars.toml"
    copy.write_text(shown, encoding="utf-8")
    assert main(["config", "show", "--json", "--config", str(copy)]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["als.seed"]["value"] == 7
    assert again["purchases.columns.user"]["value"] == "who"
    assert main(["config", "check", "--config", str(copy)]) == 0


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device", "data"), "data: No space left on device; make room on that disk"),
        (OSError(28, "No space left on device"), "No space left on device; make room on that disk"),
        (OSError("2246 requested and 2016 written"), "the file could not be written whole (2246 requested"),
    ],
)
def test_full_disk_says_what_to_do(
    error: OSError, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk without room is one message with the remedy, whoever noticed it."""

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    assert main([]) == 1
    assert capsys.readouterr().err.startswith(message)
