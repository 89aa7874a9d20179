"""What people did after they were written to."""

import csv
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import InvalidInput
from recommender.experiments.allocation import Experiment
from recommender.experiments.results import Verdict
from training.progress import SilentProgress
from training.report.trial import render_trial
from training.settings import TrainingSettings
from training.traffic.followed import TOLD, Mailed, campaign_report
from training.traffic.trials import TrialReport

SENT = int(np.datetime64("2026-03-01", "s").astype(np.int64))
DAY = 86_400
GROUPS = Experiment("campaign c", (("control", 0.5), ("mailed", 0.5)))
USERS = 1_200


def settings_of(folder: Path) -> TrainingSettings:
    """A shop with a purchase log and no events."""
    columns = {"order": "order_id", "quantity": "quantity", "amount": "amount"}
    return TrainingSettings.model_validate(
        {
            "folder": folder,
            "data": {"dir": folder / "data"},
            "purchases": {"paths": "purchases.csv", "columns": columns},
        }
    )


def shop(folder: Path, *, returning: dict[str, float], days: int = 60) -> TrainingSettings:
    """People of two groups, of whom a share comes back within four weeks of the send; neighbours have the same luck."""
    rng = np.random.default_rng(3)
    luck, past, later = (rng.random(USERS) for _ in range(3))
    with (folder / "purchases.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user_id", "item_id", "time", "order_id", "quantity", "amount"])
        for number in range(USERS):
            pair = number // 2
            times = [SENT - int((1 + 79 * past[pair]) * DAY)]
            if luck[pair] < returning[group_of(number)]:
                times.append(SENT + 1 + int(later[pair] * 27 * DAY))
            for time in times:
                rows.writerow([number, "i", np.datetime64(time, "s"), f"{number}-{time}", 1, 10])
        rows.writerow(["last", "i", np.datetime64(SENT + days * DAY, "s"), "last", 1, 10])
    return settings_of(folder)


def group_of(number: int) -> str:
    """Every other one is held back."""
    return GROUPS.names[number % 2]


def report(settings: TrainingSettings, mailed: Mailed | None = None) -> TrialReport:
    """The report four weeks on."""
    entered = {str(number): (number % 2, SENT) for number in range(USERS)}
    return campaign_report(
        settings,
        mailed or Mailed(experiment=GROUPS, entered=entered),
        name="c",
        horizon_days=28,
        with_log=True,
        erased=(),
        progress=SilentProgress(),
    )


def test_a_mail_that_works_is_found(tmp_path: Path) -> None:
    """Planted shares are within their intervals, more of the mailed come back, and sooner; no event is needed."""
    found = report(shop(tmp_path, returning={"control": 0.3, "mailed": 0.5}))
    figures = {(row.measure, row.group): row for row in found.result.figures}
    for group, share in (("control", 0.3), ("mailed", 0.5)):
        row = figures["return_rate", group]
        assert row.low is not None
        assert row.high is not None
        assert row.low < share < row.high
        assert row.n == USERS / 2
    verdicts = {row.measure: row.verdict for row in found.result.differences}
    assert {verdicts[name] for name in ("return_rate", "days_to_order", "revenue_per_visitor")} == {Verdict.BETTER}
    assert set(verdicts) == set(TOLD)
    page = render_trial(found)
    assert "Regulars · campaign" in page
    assert "click-through" not in page


def test_no_effect_is_not_found(tmp_path: Path) -> None:
    """Where nobody was changed, nothing is said to be better or worse."""
    found = report(shop(tmp_path, returning={"control": 0.4, "mailed": 0.4}))
    assert {row.verdict for row in found.result.differences} <= {Verdict.UNDECIDED, Verdict.NOT_YET}


def test_who_did_nothing_counts(tmp_path: Path) -> None:
    """People who are in no file since the send are in their group all the same."""
    settings = shop(tmp_path, returning={"control": 0.3, "mailed": 0.5})
    silent = {f"silent {number}": (number % 2, SENT) for number in range(400)}
    found = report(settings, Mailed(experiment=GROUPS, entered=silent))
    assert found.result.sample_ratio.visitors == (200, 200)
    assert {row.value for row in found.result.figures if row.measure == "return_rate"} == {0.0}


def test_too_early_is_said(tmp_path: Path) -> None:
    """A week after the send there is no verdict, and the reason is given; so too right after it."""
    for days in (0, 7):
        found = report(shop(tmp_path, returning={"control": 0, "mailed": 0}, days=days))
        assert {row.verdict for row in found.result.differences} == {Verdict.NOT_YET}
        assert any("watched for 28 days" in (row.why_not or "") for row in found.result.differences)


def test_groups_of_the_wrong_size_are_not_compared(tmp_path: Path) -> None:
    """If people were lost between send and report, no difference is trusted."""
    settings = shop(tmp_path, returning={"control": 0.3, "mailed": 0.5})
    entered = {str(number): (number % 2, SENT) for number in range(USERS) if number % 2 or number % 3}
    found = report(settings, Mailed(experiment=GROUPS, entered=entered))
    assert found.result.sample_ratio.is_mismatch
    assert {row.verdict for row in found.result.differences} == {Verdict.NOT_YET}


def test_without_control_nothing_is_compared(tmp_path: Path) -> None:
    """Levels are told, differences are not, and a note says why."""
    settings = shop(tmp_path, returning={"control": 0.3, "mailed": 0.5})
    everybody = Mailed(
        experiment=Experiment("c", (("mailed", 1.0),)), entered={str(number): (0, SENT) for number in range(USERS)}
    )
    found = report(settings, everybody)
    assert found.result.differences == ()
    assert any("Nobody was held back" in note for note in found.notes)
    with pytest.raises(InvalidInput, match="has reached nobody yet"):
        report(settings, Mailed(experiment=GROUPS, entered={}))
