"""The search for better settings: what it may read, how it goes on, and how it ends."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recommender.errors import ConfigError, InvalidInput, RecommenderError
from recommender.interactions import Interactions
from recommender.purpose import Purpose
from tests.planted import PlantedShop
from tests.training.log_files import write_purchases
from training.progress import SilentProgress, SilentStep, Step
from training.settings import TrainingSettings
from training.tuning import Budget, Findings, Request, tune
from training.tuning.findings import best_of
from training.tuning.search import normalised, tuning_folder
from training.tuning.study import Outcome, Trial

pytest.importorskip("optuna", reason="the extra tune is not installed")

COLUMNS = {"user": "user", "item": "item", "order": "order", "quantity": "quantity", "amount": "amount", "time": "time"}
KEYS = ("als.factors", "als.regularization", "neighbours.k", "neighbours.shrinkage", "blend.window_days")
CUT = "2024-11-30"


class Heard(SilentProgress):
    """A progress that remembers the sentences, and presses Ctrl-C when asked for a step."""

    def __init__(self, *, interrupt_at: str = "never") -> None:
        self.messages: list[str] = []
        self.steps: list[str] = []
        self._interrupt_at = interrupt_at

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
        self.steps.append(name)
        return nullcontext(Interrupting() if name.startswith(self._interrupt_at) else SilentStep())

    def message(self, text: str) -> None:
        self.messages.append(text)


class Interrupting(SilentStep):
    """A step during which somebody presses Ctrl-C."""

    def advance(self, amount: int = 1) -> None:
        raise KeyboardInterrupt


def settings_for(folder: Path, log: Interactions, **sections: Any) -> TrainingSettings:
    """Settings for `log`, written into `folder`."""
    write_purchases(log, folder / "log.parquet")
    small = {
        "purchases": {"paths": "log.parquet", "columns": COLUMNS},
        "als": {"factors": 8, "iterations": 3, "regularization": 5.0},
        "evaluation": {"cut": CUT},
    }
    return TrainingSettings.model_validate({"folder": folder} | small | sections)


def search(settings: TrainingSettings, trials: int, **options: Any) -> Findings:
    """Search among a few keys."""
    progress = options.pop("progress", SilentProgress())
    budget = Budget(trials=trials, **options)
    return tune(settings, Request(budget=budget, keys=KEYS, seed=1), progress=progress)


def tried(found: Findings) -> list[tuple[dict[str, Any], float | None, dict[str, float]]]:
    """What was tried and what came of it, without durations and names."""
    return [(dict(trial.values), trial.score, dict(trial.ndcg)) for trial in found.trials]


@pytest.fixture(scope="module")
def found(planted_shop: PlantedShop, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingSettings, Findings]:
    """Five trials on the planted shop."""
    settings = settings_for(tmp_path_factory.mktemp("tune"), planted_shop.log)
    return settings, search(settings, 5)


def test_first_trial_is_the_configuration(found: tuple[TrainingSettings, Findings]) -> None:
    """The search begins with the settings as they are, so its best is never worse."""
    _, findings = found
    assert len(findings.trials) == 5
    assert findings.trials[0].values == {
        "als.factors": 8,
        "als.regularization": 5.0,
        "neighbours.k": 50,
        "neighbours.shrinkage": 5.0,
        "blend.window_days": 30,
    }
    assert findings.reference is findings.trials[0]
    assert findings.best is not None
    assert (findings.best.score or 0) >= (findings.trials[0].score or 0) > 1
    assert findings.window["users_measured"] > 50
    assert str(findings.window["last_day"]) < CUT


def test_scores_say_what_they_claim(found: tuple[TrainingSettings, Findings]) -> None:
    """The means are those of the users, and a gain is the paired difference between best and reference."""
    _, findings = found
    for trial in findings.ranked:
        for purpose, mean in trial.ndcg.items():
            values = [value for value in trial.per_user[purpose] if value is not None]
            assert np.mean(values) == pytest.approx(mean, abs=1e-4)
    for gain in findings.gains:
        assert gain.low is not None
        assert gain.high is not None
        assert gain.low - 1e-3 <= gain.best - gain.before <= gain.high + 1e-3


@pytest.mark.parametrize("cut", [CUT, None], ids=["a cut", "the last days"])
def test_test_window_is_never_read(planted_shop: PlantedShop, tmp_path: Path, cut: str | None) -> None:
    """A log whose test window is poisoned gives the same trials and scores."""
    evaluation = {"evaluation": {"cut": cut} if cut else {"test_days": 30}}
    (tmp_path / "honest").mkdir()
    (tmp_path / "poisoned").mkdir()
    honest = settings_for(tmp_path / "honest", planted_shop.log, **evaluation)
    poisoned = settings_for(tmp_path / "poisoned", planted_shop.log, **evaluation)
    poison(tmp_path / "poisoned" / "log.parquet")
    assert tried(search(honest, 2)) == tried(search(poisoned, 2))


def poison(path: Path) -> None:
    """Rewrite the rows of the last 30 days: unknown items, other buyers and prices, returns of what came before."""
    rows = pl.read_parquet(path)
    end = rows["time"].max()
    is_late = pl.col("time") >= dt.date(2024, 11, 30)
    late = rows.filter(is_late)
    assert rows.height > late.height > 100
    strange = late.with_columns(
        pl.concat_str(pl.lit("aaa "), pl.col("item")).alias("item"), pl.col("user").reverse(), pl.col("amount") * 9
    )
    returns = rows.filter(~is_late).tail(400).with_columns(-pl.col("quantity"), -pl.col("amount"), time=pl.lit(end))
    pl.concat([rows.filter(~is_late), strange, returns.select(rows.columns).cast(rows.schema)]).write_parquet(path)


def test_interrupted_and_continued_is_as_in_one_go(
    found: tuple[TrainingSettings, Findings], planted_shop: PlantedShop, tmp_path: Path
) -> None:
    """Stopped by Ctrl-C in a trial and started again, a search tries the same and finds the same."""
    settings = settings_for(tmp_path, planted_shop.log)
    stopped = search(settings, 5, progress=Heard(interrupt_at="trial 3"))
    assert stopped.interrupted
    assert len(stopped.trials) == 2
    again = search(settings, 5)
    assert not again.interrupted
    assert again.n_new == 3
    assert tried(again) == tried(found[1])
    assert again.name == stopped.name == found[1].name


class InterruptedWhileRead(Heard):
    """Ctrl-C that leaves a statement behind, which keeps the database from being written to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(interrupt_at="trial 2")
        self._folder = folder
        self.left_behind: list[sqlite3.Connection] = []

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
        if name.startswith("trial 2"):
            (path,) = self._folder.glob("*.db")
            self.left_behind.append(connection := sqlite3.connect(path, isolation_level=None))
            connection.execute("begin")
            connection.execute("select * from trials").fetchone()
        return super().step(name, total=total)


def test_interrupted_with_the_database_held(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """Ctrl-C while a statement holds the database writes nothing; the trial comes first when the search goes on."""
    settings = settings_for(tmp_path, planted_shop.log)
    heard = InterruptedWhileRead(tuning_folder(settings))
    stopped = search(settings, 2, progress=heard)
    assert (stopped.interrupted, len(stopped.trials)) == (True, 1)
    for connection in heard.left_behind:
        connection.close()
    assert search(settings, 2).n_new == 1


def test_finished_search_does_nothing(found: tuple[TrainingSettings, Findings]) -> None:
    """With the same budget nothing is read and nothing tried; with a larger one it goes on."""
    settings, findings = found
    heard = Heard()
    again = search(settings, 5, progress=heard)
    assert (again.n_new, again.why_ended) == (0, "5 of 5 trials are done")
    assert heard.steps == ["look for changes"]
    assert tried(again) == tried(findings)


def test_another_log_is_another_study(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """A changed log, space, mix or setting that is not searched begins another study; a searched one does not."""
    settings = settings_for(tmp_path, planted_shop.log)
    names = {search(settings, 1).name}
    als = {"factors": 8, "iterations": 3, "regularization": 7.0}
    searched = settings.model_validate(settings.model_dump() | {"als": als})
    assert search(searched, 1).name in names
    other = settings.model_validate(settings.model_dump() | {"als": {"factors": 8, "iterations": 4}})
    names.add(search(other, 1).name)
    write_purchases(planted_shop.log.select(np.arange(len(planted_shop.log)) > 5), tmp_path / "log.parquet")
    names.add(search(settings, 1).name)
    assert len(names) == 3


def test_failing_trials_do_not_end_the_search(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """Settings that cannot be fitted are reported; the search goes on to its budget, and refuses if all failed."""
    settings = settings_for(tmp_path, planted_shop.log, als={"factors": 8, "iterations": 2, "regularization": 1e39})
    heard = Heard()
    request = Request(budget=Budget(trials=6), keys=("als.regularization",), seed=1)
    findings = tune(settings, request, progress=heard)
    outcomes = [trial.outcome for trial in findings.trials]
    assert outcomes[0] is Outcome.FAILED
    assert Outcome.MEASURED in outcomes
    assert len(outcomes) == 6
    assert heard.messages[0].startswith("trial 1 failed with als.regularization = 1e+39: ")
    (tmp_path / "alone").mkdir()
    with pytest.raises(RecommenderError, match="all 1 trials failed"):
        tune(
            settings_for(tmp_path / "alone", planted_shop.log, als={"factors": 8, "regularization": 1e39}),
            Request(budget=Budget(trials=1), keys=("als.factors",)),
            progress=SilentProgress(),
        )


def test_patience_and_time_end_it(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """No time begins no trial; with a patience of one the first trial that is not better is the last."""
    settings = settings_for(tmp_path, planted_shop.log)
    none = search(settings, 5, minutes=0)
    assert (len(none.trials), none.why_ended) == (0, "0 minutes are over")
    impatient = search(settings, 30, patience=1)
    best = best_of(impatient.trials)
    assert best is not None
    assert len(impatient.trials) == best.number + 1
    assert "was better than trial" in impatient.why_ended


def test_weights_and_scores_share_no_user(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """Who is measured is not learned from."""
    from training.inputs import find_sources
    from training.tuning.window import open_window

    settings = settings_for(tmp_path, planted_shop.log)
    window = open_window(find_sources(settings), settings, SilentProgress(), seed=3)
    learned = window.to_learn_from(30).user
    assert len(learned) > 50
    assert not set(learned.tolist()) & set(window.measured.user.tolist())
    assert window.split.test.time[-1] < np.datetime64(CUT)
    assert len(window.to_learn_from(7)) < len(learned)


def test_every_purpose_can_be_searched_for(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """A score may be made of any purposes, carts included."""
    settings = settings_for(tmp_path, planted_shop.log)
    request = Request(budget=Budget(trials=1), keys=KEYS, mix=dict.fromkeys(Purpose, 1.0))
    (trial,) = tune(settings, request, progress=SilentProgress()).trials
    assert trial.outcome is Outcome.MEASURED, trial.problem
    assert set(trial.ndcg) == {purpose.value for purpose in Purpose}


def test_short_log_is_refused(checkerboard: Interactions, tmp_path: Path) -> None:
    """A log without a validation window is refused with the days in question."""
    settings = settings_for(tmp_path, checkerboard, evaluation={"cut": "2024-01-03"})
    with pytest.raises(InvalidInput, match="there is no validation window to search on, from"):
        search(settings, 1)


def test_log_without_a_past_is_refused(checkerboard: Interactions, tmp_path: Path) -> None:
    """A log that lies in the test window altogether is called too short, with the day where that begins."""
    settings = settings_for(tmp_path, checkerboard, evaluation={"test_days": 400})
    with pytest.raises(InvalidInput, match=r"the log is too short to search on: the test window begins on 20\d\d-"):
        search(settings, 1)


@pytest.mark.parametrize("mix", [{Purpose.ALL: 0.0}, {Purpose.ALL: -1.0, Purpose.NEW: 2.0}])
def test_mixes_without_sense(mix: dict[Purpose, float]) -> None:
    """Shares below zero or all zero are refused; others are made to add up to one."""
    with pytest.raises(ConfigError, match="a mix needs shares"):
        normalised(mix)
    assert normalised({Purpose.ALL: 1, Purpose.NEW: 3}) == {Purpose.ALL: 0.25, Purpose.NEW: 0.75}


def test_of_equals_the_earlier_is_best() -> None:
    """A trial that only equals the current settings does not replace them."""

    def trial(number: int, score: float, outcome: Outcome = Outcome.MEASURED) -> Trial:
        return Trial(number=number, outcome=outcome, values={}, score=score, ndcg={}, per_user={}, seconds=1)

    best = best_of([trial(1, 2.0), trial(2, 2.0), trial(3, 9.0, Outcome.GIVEN_UP)])
    assert best is not None
    assert best.number == 1
    assert best_of([]) is None
