"""From event files to verdicts: what was planted in a made-up storefront is what the reports say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from recommender.experiments.allocation import Allocation
from recommender.experiments.results import Verdict
from tests.made_up_storefront import HOLDOUT, PLACES, START, Storefront
from tests.traffic_rows import traffic_of
from training.progress import SilentProgress
from training.report.traffic import render_traffic
from training.report.trial import render_trial
from training.settings import TrainingSettings
from training.traffic.events import BROWSER
from training.traffic.reading import Read
from training.traffic.tables import traffic_report
from training.traffic.trials import Asked, TrialReport, groups_of, trial_report
from training.traffic.words import MEASURES


def settings_of(folder: Path) -> TrainingSettings:
    """The settings of a storefront's folder."""
    columns = {"order": "order_id", "quantity": "quantity", "amount": "amount"}
    return TrainingSettings.model_validate(
        {
            "folder": folder,
            "data": {"dir": folder / "data"},
            "purchases": {"paths": "purchases.csv", "columns": columns},
        }
    )


def trial(folder: Path, *, since: dt.date | None = None) -> TrialReport:
    """The report of the only experiment."""
    asked = Asked(name="holdout", since=since or START.date(), horizon_days=28)
    progress = SilentProgress()
    return trial_report(settings_of(folder), Allocation([HOLDOUT]), asked, erased=(), progress=progress)


@pytest.fixture(scope="module")
def better(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose personal shelves work."""
    folder = tmp_path_factory.mktemp("better")
    Storefront(users=2_000, clicking=1.5, ordering=1.6).write(folder)
    return folder


def test_planted_effects_are_found(better: Path) -> None:
    """Half as many clicks again are within the interval, and more orders make every fair measure of orders better."""
    result = trial(better).result
    found = {row.measure: row for row in result.differences}
    clicks = next(row for row in result.figures if (row.measure, row.group) == ("click_through", "control"))
    difference = found["click_through"]
    assert difference.low is not None
    assert difference.high is not None
    assert clicks.value is not None
    assert difference.low < 0.5 * clicks.value < difference.high
    for measure in ("conversion", "revenue_adjusted", "repeat_rate", "days_to_order"):
        assert found[measure].verdict is Verdict.BETTER, measure
    assert found["add_to_cart"].verdict is Verdict.NOT_YET
    assert not result.sample_ratio.is_mismatch


@pytest.mark.slow
def test_shops_without_an_effect_rarely_have_one(tmp_path: Path) -> None:
    """Fifteen A/A shops from files to verdicts: no more false alarms than chance allows."""
    alarms = 0
    for seed in range(15):
        folder = tmp_path / str(seed)
        Storefront(users=400, clicking=1, ordering=1, seed=seed).write(folder)
        rows = {row.measure: row for row in trial(folder).result.differences}
        alarms += rows["click_through"].verdict in {Verdict.BETTER, Verdict.WORSE}
        alarms += rows["conversion"].verdict in {Verdict.BETTER, Verdict.WORSE}
    assert alarms <= 7, f"{alarms} of 30; with one alarm in twenty, more than 7 happen once in some thousand runs"


def test_traffic_adds_up(better: Path) -> None:
    """Every place of every visit is counted once, by position and by day; shelves claim a part of the revenue."""
    report = traffic_report(
        settings_of(better), since=START.date(), until=None, with_log=True, erased=(), progress=SilentProgress()
    )
    (total,) = report.views["all"]
    for view in ("placement", "position", "day", "placement_day", "trace"):
        rows = report.views[view]
        assert sum(row.impressions for row in rows) == total.impressions
        assert sum(row.clicks for row in rows) == total.clicks
        assert sum(row.revenue for row in rows) == pytest.approx(total.revenue)
    assert [row.position for row in report.views["position"]] == list(range(1, PLACES + 1))
    rates = [row.click_through or 0 for row in report.views["position"]]
    assert rates == sorted(rates, reverse=True), "the storefront clicks less further back"
    assert 0 < total.revenue < report.revenue
    assert 0 < total.orders < report.orders


def test_a_part_of_the_days(better: Path) -> None:
    """Days before and after the period are looked back on, and not counted."""
    first, last = dt.date(2026, 3, 10), dt.date(2026, 3, 12)
    part = traffic_report(
        settings_of(better), since=first, until=last, with_log=True, erased=(), progress=SilentProgress()
    )
    whole = traffic_report(
        settings_of(better), since=None, until=None, with_log=True, erased=(), progress=SilentProgress()
    )
    days = {row.day: row for row in whole.views["day"]}
    assert [row.day for row in part.views["day"]] == ["2026-03-10", "2026-03-11", "2026-03-12"]
    for row in part.views["day"]:
        other = days[row.day]
        assert (row.impressions, row.clicks, row.orders) == (other.impressions, other.clicks, other.orders)
        assert row.revenue == pytest.approx(other.revenue)


def test_pages_are_whole(better: Path) -> None:
    """Each page has a drawing with a table under it, names every measure, loads nothing and is the same twice."""
    report = trial(better)
    traffic = traffic_report(
        settings_of(better), since=None, until=None, with_log=False, erased=(), progress=SilentProgress()
    )
    trial_page = render_trial(report)
    for page, drawings in ((trial_page, 2), (render_traffic(traffic), 3)):
        assert page.count("<svg") == drawings
        assert page.count("The figures as a table") == drawings
        assert "default-src 'none'" in page
        assert not any(word in page for word in ("<script", "src=", "@import"))
    assert render_trial(report) == trial_page
    assert all(words.meaning in trial_page.replace("&#39;", "'") for words in MEASURES.values())


def test_guests_take_no_part() -> None:
    """Only who has an id of a user was assigned when pages were answered."""
    visitors = (f"{BROWSER}1", f"{BROWSER}{BROWSER}2", "3")
    read = Read(traffic=traffic_of(), visitors=visitors, placements=(), first=0, last=0, notes=())
    found = groups_of(read, Allocation([HOLDOUT]), "holdout").tolist()
    assert (found[:2], found[2] >= 0) == ([-1, -1], True)


def test_a_period_after_the_last_event_is_refused(better: Path) -> None:
    """The message says when the last event was."""
    with pytest.raises(InvalidInput, match=r"nothing was reported from 2027-01-01 on: the last event is of 2026-04-29"):
        trial(better, since=dt.date(2027, 1, 1))
