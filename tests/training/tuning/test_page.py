"""What a search leaves behind: a page and a fragment of TOML."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from training.settings import TrainingSettings
from training.tuning.findings import Findings, gains
from training.tuning.fragment import fragment, options, write_fragment
from training.tuning.page import answer, render, write_page
from training.tuning.space import space_for, with_values
from training.tuning.study import Outcome, Trial

SPACE = space_for(TrainingSettings(), ["als.factors", "confidence.alpha", "neighbours.shrinkage"])


def trial(number: int, score: float | None, ndcg: float, outcome: Outcome = Outcome.MEASURED, **values: float) -> Trial:
    """A trial of made-up settings."""
    now = {dimension.key: dimension.current for dimension in SPACE}
    return Trial(
        number=number,
        outcome=outcome,
        values=now | {key.replace("__", "."): value for key, value in values.items()},
        score=score,
        ndcg={"all": ndcg},
        per_user={"all": [ndcg - 0.1, ndcg + 0.1, None, ndcg]},
        seconds=1.5,
        problem="<b>diverged</b>" if outcome is Outcome.FAILED else "",
    )


def findings(*trials: Trial) -> Findings:
    """Findings with those trials."""
    return Findings(
        name="0123456789ab",
        shop="Tea & <Coffee>",
        space=SPACE,
        mix={"all": 1.0},
        k=10,
        window={"first_day": "2024-01-01", "last_day": "2024-01-30", "rows_before": 5, "users_measured": 3},
        trials=trials,
        importances={"als.factors": 0.75, "confidence.alpha": 0.25},
        n_new=len(trials),
        why_ended="enough",
        gains=gains(trials, SPACE, seed=0),
    )


FOUND = findings(
    trial(1, 2.0, 0.4),
    trial(2, None, 0.0, Outcome.FAILED, als__factors=256),
    trial(3, 1.5, 0.3, Outcome.GIVEN_UP),
    trial(4, 2.5, 0.5, als__factors=96, confidence__alpha=0.5),
)


def test_page_is_complete_and_escaped() -> None:
    """The page loads nothing, hides no trial, and every text of the shop is text."""
    page = render(FOUND)
    assert page == render(FOUND)
    assert not re.search(r"""(src|href)="(?!#)""", page)
    assert "<Coffee>" not in page
    assert "<b>diverged" not in page
    for words in ("How the search went", "What each setting did", "Which settings mattered", "diverged", "test window"):
        assert words in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_answer_is_what_the_figures_say() -> None:
    """A gain for every user is better for sure; the settings as they are stay if nothing was better."""
    assert answer(FOUND) == (
        "Trial 4 of 4 is the best, with a score of 2.5000, +25.0% against the settings as they are. At least one "
        "purpose is better for sure and none is worse: train with it, and look at the test."
    )
    assert answer(findings(trial(1, 2.0, 0.4), trial(2, 1.0, 0.2, als__factors=8))).endswith("keep them.")
    assert answer(findings(trial(1, None, 0.0, Outcome.FAILED))) == "No trial was measured to the end."
    assert render(findings(trial(1, None, 0.0, Outcome.FAILED)))


def test_fragment_gives_the_settings(tmp_path: Path) -> None:
    """The fragment is TOML that comes to the settings of the best trial, and says so."""
    content = tomllib.loads(fragment(FOUND))
    assert content == {
        "als": {"factors": 96},
        "confidence": {"alpha": 0.5},
        "neighbours": {"shrinkage": 5.0},
    }
    assert "the test window was not read" in fragment(FOUND)
    assert options(FOUND.changed()) == "--set als.factors=96 --set confidence.alpha=0.5"
    assert with_values(TrainingSettings(), FOUND.changed()).als.factors == 96
    path = write_fragment(FOUND, tmp_path)
    assert write_page(FOUND, tmp_path).name == "0123456789ab.html"
    before = path.stat().st_mtime_ns
    assert write_fragment(FOUND, tmp_path).stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="no trial was measured"):
        fragment(findings(trial(1, None, 0.0, Outcome.FAILED)))


def test_unknown_window_is_called_unknown() -> None:
    """Trials without the facts of their window are drawn all the same."""
    bare = dataclasses.replace(FOUND, window={})
    assert "an unknown day" in render(bare)
    assert "an unknown day" in fragment(bare)
    assert tomllib.loads(fragment(bare))["als"]["factors"] == 96
