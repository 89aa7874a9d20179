"""The pages about versions, traffic and experiments."""

from __future__ import annotations

import functools
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from serving.console.charts import columns, dots
from serving.console.console import Console
from serving.console.status import status_of
from serving.console.traffic import PERIODS, Shelf, Traced, View, traced, view
from serving.console.trials import Trial, trials
from serving.console.versions import MEASURED, Registered, registered, report_of
from serving.console.visit import HEADERS, PATH, VisitDep
from serving.console.words import money, percent
from serving.state import State

router = APIRouter(prefix=PATH, include_in_schema=False)

MAX_CHARTS = 6
"""Placements that have a panel of their own; the table names all."""
PARTIAL_SECONDS = 1.0
"""How long figures are kept of files that were not read to their end yet."""

REPORT_POLICY = (
    "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""A report styles itself and runs nothing."""
_REPORT_TYPES = {".html": "text/html", ".md": "text/plain"}


@router.get("")
async def overview(visit: VisitDep) -> Response:
    """Show how the shop is served."""
    return await visit.page("overview.html.j2", {"status": await status_of(visit.console, visit.state)})


@router.get("/versions")
async def versions(visit: VisitDep) -> Response:
    """Show every version with its metrics, and what happened to them."""
    console, state = visit.console, visit.state

    async def read() -> Registered:
        return await console.work(lambda: registered(console.artifacts, console.reports))

    engine, pointer = state.holder.engine, state.holder.pointer
    values = {
        "registered": await console.kept.get("versions", read, seconds=5.0),
        "measured_columns": MEASURED,
        "served": None if engine is None else engine.version,
        "pointer": pointer,
    }
    return await visit.page("versions.html.j2", values)


@router.get("/reports/{name}")
async def report(visit: VisitDep, name: str) -> Response:
    """Send a report of training as it is, without any right in the browser but to be read."""
    path = report_of(visit.console.reports, name)
    if path is None:
        return await visit.page("missing.html.j2", {"page": f"reports/{name[:80]}"}, status=404)
    content = await visit.console.work(path.read_bytes)
    headers = {**HEADERS, "Content-Security-Policy": REPORT_POLICY}
    return Response(content, headers=headers, media_type=_REPORT_TYPES[path.suffix])


@router.get("/traffic")
async def traffic(visit: VisitDep, days: Annotated[int, Query()] = PERIODS[1]) -> Response:
    """Show what shelves did, by placement and day."""
    period = days if days in PERIODS else PERIODS[1]
    read = await _traced(visit.console, visit.state)
    values: dict[str, Any] = {"read": read, "days": period, "periods": PERIODS, "view": None}
    if len(read.traffic):
        seen = await visit.console.work(lambda: view(read, days=period))
        values |= {"view": seen} | await visit.console.work(lambda: _charts(seen, visit.console.settings.currency))
    return await visit.page("traffic.html.j2", values | {"window": visit.console.settings.attribution_window})


@router.get("/experiments")
async def experiments(visit: VisitDep) -> Response:
    """Compare the groups of experiments."""
    console, settings = visit.console, visit.console.settings.experiments
    if not settings:
        return await visit.page("experiments.html.j2", {"trials": [], "charts": {}, "read": None})
    read = await _traced(console, visit.state)

    async def compare() -> list[Trial]:
        return await console.work(lambda: trials(read, console.groups, settings))

    # Half of the files would tell another story than all of them.
    found = await console.kept.get("trials", compare) if read.is_whole else []
    values = {"trials": found, "charts": {trial.name: _dots(trial) for trial in found}, "read": read}
    return await visit.page("experiments.html.j2", values)


async def _traced(console: Console, state: State) -> Traced:
    """Return the events with what they were traced to, a minute old at most."""

    def compute() -> Traced:
        return traced(console.events(state).refresh(), console.settings.attribution_window)

    async def read() -> Traced:
        return await console.work(compute)

    found = await console.kept.get("traffic", read)
    return found if found.is_whole else await console.kept.get("traffic", read, seconds=PARTIAL_SECONDS)


def _charts(seen: View, currency: str) -> dict[str, Any]:
    """Return the drawings; None in place of one that would show nothing but its axes."""
    ends = [day[5:] for day in seen.days]
    money_of, share_of = functools.partial(money, currency=currency), functools.partial(percent, digits=1)
    shown = [shelf for shelf in seen.shelves if shelf.revenue > 0 or shelf.clicks][:MAX_CHARTS]
    draw = functools.partial(columns, labels=ends)
    most = max((max(shelf.daily_revenue) for shelf in shown), default=0.0)
    top = max((max(shelf.daily_click_through) for shelf in shown), default=0.0)

    def revenue(shelf: Shelf, *, most: float) -> Any:
        if not any(value > 0 for value in shelf.daily_revenue):
            return None
        told = f"Revenue from {shelf.name} on each of {len(ends)} days, {money_of(shelf.revenue)} in all"
        return draw(shelf.daily_revenue, alt=told, tick=lambda value: f"{value:,g}", top=most)

    def click_through(shelf: Shelf) -> Any:
        if not any(shelf.daily_click_through):
            return None
        told = f"Click-through of {shelf.name} on each of {len(ends)} days, {share_of(shelf.click_through)} in all"
        return draw(shelf.daily_click_through, alt=told, tick=lambda value: f"{100 * value:g} %", top=top)

    return {
        "total_chart": revenue(seen.total, most=0),
        "shelf_charts": [(shelf, revenue(shelf, most=most), click_through(shelf)) for shelf in shown],
    }


def _dots(trial: Trial) -> dict[str, Any]:
    """Return a chart for each group but the first, of the measures there is an interval for."""
    if trial.result is None:
        return {}
    first, *others = trial.result.groups
    told = f"Differences from {first} by measure, as shares of its value, with 95 % intervals"
    drawn = ((group, trial.dots(group)) for group in others)
    return {group: dots(rows, alt=f"{group}: {told}", tick=_signed) for group, rows in drawn if rows}


def _signed(share: float) -> str:
    return f"+{percent(share, 0)}" if share > 0 else percent(share, 0)
