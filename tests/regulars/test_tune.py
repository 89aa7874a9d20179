"""`regulars tune` as its user meets it."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from recommender.errors import ConfigError
from recommender.purpose import Purpose
from regulars.commands.tune import parse_mix
from tests.regulars.conftest import Shop

pytest.importorskip("optuna", reason="the extra tune is not installed")

TUNE = ("tune", "--search", "als.factors", "--search", "confidence.alpha", "--patience", "9")


@pytest.fixture
def shop(trained_shop: Shop, tmp_path: Path) -> Shop:
    """A copy whose configuration may be changed."""
    return Shop(Path(shutil.copytree(trained_shop.folder, tmp_path / "my shop")))


def test_tune_and_train_with_what_it_found(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A search prints its trials, leaves a page and a fragment, writes its best into the file, and then rests."""
    before = shop.config.read_text(encoding="utf-8")
    assert shop.run(*TUNE, "--trials", "5") == 0
    captured = capsys.readouterr()
    assert max(map(len, captured.out.splitlines())) <= 80
    assert "← now" in captured.out
    assert "The test window was not read." in captured.err
    (page,) = (shop.folder / "data" / "tuning").glob("*.html")
    written = page.stat().st_mtime_ns

    assert shop.run(*TUNE, "--trials", "5", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["trials"]) == 5
    assert found["n_new"] == 0
    assert page.stat().st_mtime_ns == written
    best = max(found["trials"], key=lambda trial: trial["score"] if trial["outcome"] == "measured" else 0)
    fragment = tomllib.loads(page.with_suffix(".toml").read_text(encoding="utf-8"))
    assert fragment["als"]["factors"] == best["values"]["als.factors"]

    assert shop.run(*TUNE, "--trials", "5", "--apply") == 0
    after = tomllib.loads(shop.config.read_text(encoding="utf-8"))
    assert after["als"]["factors"] == best["values"]["als.factors"]
    assert after["purchases"] == tomllib.loads(before)["purchases"]
    capsys.readouterr()
    assert shop.run(*TUNE, "--trials", "5", "--apply") == 0
    captured = capsys.readouterr()
    assert "nothing to do; 5 of 5 trials are done" in captured.out
    assert "has them already" in captured.err


def test_next_command_names_the_configuration(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """What is said to come next can be pasted, whatever the configuration is called."""
    assert shop.run("train", "--set", "als.seed=9") == 0
    assert f"report --config '{shop.config}'" in capsys.readouterr().err


def test_mix_is_parsed() -> None:
    """Purposes and shares; anything else is refused with the purposes there are."""
    assert parse_mix("all=0.3, new=0.7") == {Purpose.ALL: 0.3, Purpose.NEW: 0.7}
    for wrong in ("old=1", "all", "all=much", ""):
        with pytest.raises(ConfigError, match="the purposes are all, new"):
            parse_mix(wrong)
    with pytest.raises(ConfigError, match="all has two shares"):
        parse_mix("all=1,new=1, all=2")


@pytest.mark.parametrize("minutes", ["0", "-1", "nan"])
def test_time_has_to_be_positive(shop: Shop, capsys: pytest.CaptureFixture[str], minutes: str) -> None:
    """A limit within which nothing can begin is refused before the log is read."""
    assert shop.run(*TUNE, f"--minutes={minutes}") == 2
    assert capsys.readouterr().err == (
        f"--minutes {minutes}: it has to be a positive number; without it there is no limit\n"
    )


def test_no_trial_in_time(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """When time is over before the first trial, a sentence says so and no page is drawn."""
    assert shop.run(*TUNE, "--minutes", "1e-9") == 1
    assert "no trial was finished: 1e-09 minutes are over" in capsys.readouterr().err
    assert not list((shop.folder / "data" / "tuning").glob("*.html"))


def test_interrupted_before_the_first_trial(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the log is read ends with 130 and one sentence, and the same command searches afterwards."""

    def pressed(path: Path, *_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr("training.tuning.window.read_log", pressed)
        assert shop.run(*TUNE, "--trials", "1") == 130
    assert capsys.readouterr().err.splitlines()[-1] == "Stopped."
    assert shop.run(*TUNE, "--trials", "1") == 0
    assert list((shop.folder / "data" / "tuning").glob("*.html"))


def test_wrong_key_is_refused(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A key that cannot be searched exits with 2 and names those that can."""
    assert shop.run("tune", "--search", "als.seed") == 2
    assert "als.seed cannot be searched; these can: als.factors" in capsys.readouterr().err
