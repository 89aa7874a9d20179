"""Traffic by placement and day, and experiments, from event files to pages."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.traffic.attribution import Window
from serving.console import event_log
from serving.console.charts import Dot, columns, dots, nice_step
from serving.console.event_log import EventLog
from serving.console.traffic import Traced, traced, view
from serving.console.trials import MEASURES, Groups, trials
from serving.experiment_settings import ExperimentSettings
from serving.settings import AppSettings
from tests.serving.conftest import Serve, Served
from tests.serving.console.conftest import looked_at, page
from tests.serving.console.storefront import a_day, event, write

SETTINGS = {"holdout": ExperimentSettings(control=0.5, variants={"usual": 0.5})}


def read(folder: Path, groups: Groups | None = None) -> Traced:
    known = groups or Groups({})
    return traced(EventLog(folder, group_of=known.of, is_erased=lambda _: False).refresh(), Window())


def test_a_day_adds_up(tmp_path: Path) -> None:
    """Hand-counted: what was seen, clicked and bought from each placement, returns taken off."""
    write(tmp_path, a_day())
    seen = view(read(tmp_path), days=7)
    home, cart = seen.shelves
    assert (home.name, home.impressions, home.clicks, home.carts, home.orders) == ("home", 2, 1, 1, 1)
    assert (home.units, home.revenue) == (2.0, 4.5)  # one of two teas was sent back; the milk was only seen
    assert (cart.name, cart.impressions, cart.clicks, cart.orders, cart.revenue) == ("cart", 1, 0, 1, 3.0)
    assert (seen.total.orders, seen.total.revenue) == (2, 7.5)
    assert (seen.shop_orders, seen.shop_revenue) == (3, 12.5)
    assert [(orders, revenue) for _, orders, revenue in seen.traces] == [(0, 0.0), (1, 3.0), (2, 4.5), (1, 5.0)]
    assert home.daily_revenue == (0.0,) * 6 + (4.5,)
    assert home.click_through == 0.5


def test_days_add_up_to_the_period(tmp_path: Path) -> None:
    """Each day's figures are those of its events; days before the period do not count."""
    for number in range(1, 10):
        moved = [{**each, "time": each["time"].replace("03-01", f"03-0{number}")} for each in a_day()]
        own = [{**each, "slate_id": f"{each['slate_id']}-{number}"} if "slate_id" in each else each for each in moved]
        write(
            tmp_path,
            [{**each, "order_id": f"o{number}"} if "order_id" in each else each for each in own],
            day=f"2018-03-0{number}",
        )
    seen = view(read(tmp_path), days=7)
    assert seen.days == tuple(f"2018-03-0{number}" for number in range(3, 10))
    assert seen.total.impressions == 21
    assert sum(seen.total.daily_revenue) == pytest.approx(seen.total.revenue)
    assert sum(shelf.revenue for shelf in seen.shelves) == pytest.approx(seen.total.revenue)
    assert set(seen.total.daily_impressions) == {3}


def crowd(groups: Groups, n: int) -> list[dict[str, Any]]:
    """Users who are shown a shelf; those of the variant click and buy twice as often."""
    random = np.random.default_rng(7)
    events = []
    for number in range(n):
        user, is_usual = f"u{number}", groups.of(f"u{number}") == 1
        at = float(random.uniform(0, 20))
        events += [event("impression", at=at, user=user, slate_id=f"s{number}", placement="home", rank=1)]
        if random.random() < (0.6 if is_usual else 0.3):
            events += [event("click", at=at + 0.1, user=user, slate_id=f"s{number}", placement="home", rank=1)]
            events += [event("purchase", at=at + 0.2, user=user, order_id=f"o{number}", price=2.0)]
    return events


def test_groups_are_compared(tmp_path: Path) -> None:
    """A variant that doubles clicks and orders is found better; what cannot be told yet is not."""
    groups = Groups(SETTINGS)
    write(tmp_path, crowd(groups, 1200))
    (trial,) = trials(read(tmp_path, groups), groups, SETTINGS)
    assert trial.result is not None
    assert sum(trial.result.sample_ratio.visitors) == 1200
    verdicts = {row.name: row.differences[0].verdict.value for row in trial.rows}
    assert verdicts["Click-through"] == verdicts["Conversion"] == verdicts["Revenue per user"] == "better"
    assert verdicts["Repeat purchase"] == "not yet"
    assert [row.name for row in trial.rows] == [name for name, _, _ in MEASURES.values()]
    assert all(dot.low is not None and dot.low <= dot.value <= (dot.high or 0) for dot in trial.dots("usual"))


def test_groups_before_anybody_came(tmp_path: Path) -> None:
    """There is nothing to compare, and that is no error; guests take no part."""
    groups = Groups(SETTINGS)
    guests = [event("impression", user=None, anonymous_id=f"b{n}", slate_id="s", placement="home") for n in range(9)]
    for events in ([], guests):
        write(tmp_path, events)
        (trial,) = trials(read(tmp_path, groups), groups, SETTINGS)
        assert trial.result is None


@pytest.fixture
def with_experiment(settings: AppSettings) -> AppSettings:
    return settings.model_copy(update={"experiments": SETTINGS})


async def shown(serve: Serve, settings: AppSettings, *paths: str) -> list[str]:
    """Return pages of a shop without a model."""
    async with serve(settings=settings, registry_root=settings.data_dir) as running, looked_at(running) as here:
        return [await page(here, path) for path in paths]


@pytest.mark.anyio
async def test_traffic_has_a_table_under_each_chart(serve: Serve, settings: AppSettings) -> None:
    """What a chart draws, a table tells: each placement by day, and all of them."""
    write(settings.events_dir, a_day())
    text, week = await shown(serve, settings, "/traffic", "/traffic?days=7")
    for part in text.split('<div class="panel">')[1:]:
        assert 'role="img"' in part
        assert "<table" in part
    assert "4.50\u00a0EUR" in text
    assert "2018-02-23 to 2018-03-01" in week
    assert len(re.findall(r'<tr><th scope="row">2018-', week)) == 7 * 3


@pytest.mark.anyio
async def test_what_did_not_happen_is_not_drawn(serve: Serve, settings: AppSettings) -> None:
    """A sentence says that nothing was bought; no axis of nothing is drawn, and no panel of a shelf without clicks."""
    seen = [event("impression", slate_id=name, placement=name) for name in ("home", "cart")]
    write(settings.events_dir, [*seen, event("click", slate_id="home", placement="home")])
    (text,) = await shown(serve, settings, "/traffic")
    assert text.count('role="img"') == 1
    assert "Click-through of home" in text
    assert "No revenue from shelves in these days." in text
    assert [panel.partition("</h3>")[0].rpartition("<h3>")[2] for panel in text.split('<div class="panel">')[2:]] == [
        "home"
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("days", ["-1", "0", "1e9", "all", "400000000000"])
async def test_other_periods_are_a_default_or_a_400(serve: Serve, settings: AppSettings, days: str) -> None:
    """No number makes the page long or slow."""
    async with serve(settings=settings) as running, looked_at(running) as here:
        answer = await here.client.get("/console/traffic", params={"days": days})
        assert answer.status_code in (200, 400)


@pytest.mark.anyio
async def test_names_from_pages_are_text(serve: Serve, settings: AppSettings) -> None:
    """A placement may be called anything; it is shown as text, in charts and tables."""
    name = '<script>alert("空")</script>&amp;'
    write(
        settings.events_dir,
        [event("impression", slate_id="s", placement=name), event("click", slate_id="s", placement=name)],
    )
    (text,) = await shown(serve, settings, "/traffic")
    assert "<script" not in text
    assert str(html.escape(name)).replace("&quot;", "&#34;") in text


@pytest.mark.anyio
async def test_experiments_have_a_table_under_each_chart(serve: Serve, with_experiment: AppSettings) -> None:
    """Values with intervals, differences and verdicts; before anybody came, the groups."""
    before, *_ = await shown(serve, with_experiment, "/experiments")
    assert "Nobody of it was shown a shelf yet" in before
    write(with_experiment.events_dir, crowd(Groups(SETTINGS), 1200))
    (text,) = await shown(serve, with_experiment, "/experiments")
    panel = text.partition('<div class="panel">')[2]
    assert 'role="img"' in panel
    assert "better" in panel.partition("<table")[2]


@pytest.mark.anyio
async def test_too_few_users_are_said_once(serve: Serve, with_experiment: AppSettings) -> None:
    """Why there are no intervals yet stands above the measures, once for each group, and not under every figure."""
    write(with_experiment.events_dir, crowd(Groups(SETTINGS), 20))
    (text,) = await shown(serve, with_experiment, "/experiments")
    told = re.findall(r"\w+: \d+ users; 100 are needed", text)
    assert [each.partition(":")[0] for each in told] == ["control", "usual"]
    assert text.count("users; 100 are needed") == 2
    assert text.count("watched for 28 days") == 2


@pytest.mark.anyio
async def test_groups_are_not_compared_by_half_of_the_files(
    serve: Serve, with_experiment: AppSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While files are being read there is no verdict; traffic is shown, and said to be incomplete."""
    monkeypatch.setattr(event_log, "PIECE_BYTES", 20_000)
    write(with_experiment.events_dir, crowd(Groups(SETTINGS), 1200))
    write(with_experiment.events_dir, a_day(), day="2018-03-02")
    options = EventLog.refresh.__kwdefaults__
    assert options is not None
    monkeypatch.setitem(options, "budget_seconds", 0.0)
    experiments, traffic = await shown(serve, with_experiment, "/experiments", "/traffic")
    assert "still being read" in experiments
    assert "<table" not in experiments
    assert "still being read" in traffic or "being read" in traffic


@pytest.mark.anyio
async def test_figures_are_kept_for_a_moment(serve: Serve, settings: AppSettings) -> None:
    """Who looks again at once reads no file again."""
    write(settings.events_dir, a_day())
    async with serve(settings=settings) as running, looked_at(running) as here:
        first = await page(here, "/traffic?days=7")
        write(settings.events_dir, a_day(), day="2018-03-02")
        strip = "<footer>"
        assert (await page(here, "/traffic?days=7")).partition(strip)[0] == first.partition(strip)[0]


@pytest.mark.anyio
async def test_the_overview_tells_when_the_last_event_came(console: Served) -> None:
    """As the newest file says."""
    assert "there are no event files yet" in await page(console, "")
    write(console.state.settings.events_dir, a_day())
    assert "received, as the event files say" in await page(console, "")


@pytest.mark.parametrize("reach", [0, 1e-9, 0.003, 0.7, 1, 9, 37, 1234, 9e12, float("nan"), float("inf")])
def test_steps_of_an_axis_are_round(reach: float) -> None:
    """One, two or five times a power of ten, and few of them."""
    step = nice_step(reach)
    mantissa = step / 10 ** np.floor(np.log10(step) + 1e-9)
    assert round(float(mantissa), 6) in (1, 2, 5)
    if 0 < reach < float("inf"):
        assert reach <= 4 * step * (1 + 1e-9)


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0], [1.0], [3.0, 1.0, 2.0], [1e-9, 1e9]])
def test_bars_stay_inside(values: list[float]) -> None:
    """One bar for each value above zero, as high as its share of the axis, none outside."""
    drawn = str(columns(values, [str(at) for at in range(len(values))], alt="a <b>", tick=str))
    bars = re.findall(r'<rect class="bar" x="([\d.]+)%" width="([\d.]+)%" y="([\d.]+)" height="([\d.]+)"', drawn)
    assert len(bars) == sum(value > 0 for value in values)
    for left, width, top, height in (map(float, bar) for bar in bars):
        assert left + width <= 100
        assert top >= 0
        assert height <= 150
    assert "a &lt;b&gt;" in drawn
    assert "<b>" not in drawn


def test_dots_stay_inside() -> None:
    """Intervals of any width fit, and a label is text."""
    drawn = str(dots([Dot("<i>", 0.5, 0.1, 3.0), Dot("b", -7.0, -9.0, -5.0)], alt="x", tick=str))
    places = [float(place) for place in re.findall(r'(?:x1|x2|cx)="([\d.]+)%"', drawn)]
    assert len(places) >= 8
    assert all(0 <= place <= 100 for place in places)
    assert "&lt;i&gt;" in drawn
