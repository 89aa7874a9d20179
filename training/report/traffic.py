"""The page about traffic: one HTML file that needs nothing else, in the style of the training report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from training.report.illustration import Illustration, illustrate
from training.report.plots import Bar, Line, draw_bars, draw_lines, draw_weeks
from training.report.tables import Table
from training.traffic.tables import ShelfRow, TrafficReport

_FOLDER = Path(__file__).parent
MOST = 12
"""Placements drawn; the table has all."""
FIRST_POSITIONS = 12
MIN_SEEN = 30
"""A position seen less often has no rate worth drawing."""
TRACES = {
    "named": "The event named its shelf",
    "clicked": "Clicked on a shelf before",
    "seen": "Seen on a shelf before",
}


def render_traffic(report: TrafficReport) -> str:
    """Return the page. Same report, same bytes; every text is escaped."""
    (total,) = report.views["all"] or (None,)
    return (
        environment()
        .get_template("traffic.html.j2")
        .render(
            report=report,
            css=style(),
            total=total,
            drawings=list(_drawings(report)),
            traces=_table("How orders were traced", "Orders", report.views["trace"], _trace),
            days=_table("By placement and day", "Placement, day", report.views["placement_day"], _placement_day),
        )
    )


def write_traffic(report: TrafficReport, folder: Path) -> Path:
    """Write ``traffic-<since>-<until>.html`` into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"traffic-{report.since}-{report.until}.html"
    page.write_text(render_traffic(report), encoding="utf-8")
    return page


def environment() -> jinja2.Environment:
    """Return the templates of this folder, which escape every text."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style() -> Markup:
    """Return the style sheet of all pages."""
    return Markup((_FOLDER / "report.css").read_text(encoding="utf-8"))  # noqa: S704  # our own file


def _drawings(report: TrafficReport) -> Iterator[Illustration]:
    if report.views["placement"]:
        yield _placements(report)
    if positions := list(_positions(report)):
        yield _by_position(report, positions)
    if report.views["day"]:
        yield _days(report)


def _placements(report: TrafficReport) -> Illustration:
    rows = sorted(report.views["placement"], key=lambda row: -row.revenue)
    bars = [
        Bar(label=row.placement or "", value=row.revenue, text=f"{row.revenue:,.0f} in {row.orders:,} orders")
        for row in rows[:MOST]
    ]
    return illustrate(
        "placements",
        title="What followed each placement",
        caption=f"Money for items that were clicked on a shelf at most {report.click_days:g} days before the order, or "
        f"seen there at most {report.view_days:g}; returns are taken off, in {report.currency}. It says what came "
        "after, not what would not have been bought otherwise.",
        alt="; ".join(f"{bar.label}: {bar.text}" for bar in bars),
        figure=lambda: draw_bars([("", bars)]),
        table=_table("By placement", "Placement", report.views["placement"], lambda row: row.placement or ""),
    )


def _positions(report: TrafficReport) -> Iterator[Line]:
    best = sorted(report.views["placement"], key=lambda row: -row.impressions)[:4]
    for placement in best:
        rows = [
            row
            for row in report.views["position"]
            if row.placement == placement.placement
            and 1 <= (row.position or 0) <= FIRST_POSITIONS
            and row.impressions >= MIN_SEEN
        ]
        if rows:
            rates = [row.click_through or 0.0 for row in rows]
            yield Line.plain(placement.placement or "", [row.position or 0 for row in rows], rates)


def _by_position(report: TrafficReport, lines: Sequence[Line]) -> Illustration:
    return illustrate(
        "positions",
        title="Clicks by position",
        caption="Clicks per time seen, of the most seen placements. Positions further back are seen by people who "
        "scroll: the lines compare positions, not items.",
        alt="; ".join(f"{line.label}: {', '.join(f'{value:.1%}' for value in line.value)}" for line in lines),
        figure=lambda: draw_lines([("clicks per time seen", lines)], xlabel="position", columns=1),
        table=_table("By position", "Placement, position", report.views["position"], _placement_position),
    )


def _days(report: TrafficReport) -> Illustration:
    rows = report.views["day"]
    rates = [row.click_through for row in rows]
    panels: list[tuple[str, list[float | None], bool]] = [
        ("Places seen", [row.impressions for row in rows], False),
        ("Clicks per place seen", list(rates), True),
        (f"Money that followed a shelf, {report.currency}", [row.revenue for row in rows], False),
    ]
    return illustrate(
        "days",
        title="Day by day",
        caption="Places count on the day they were seen, clicks on that of the click, money on that of the order; UTC.",
        alt=f"{len(rows)} days from {report.since} to {report.until}; the table has every figure",
        figure=lambda: draw_weeks([row.day or "" for row in rows], panels),
        table=_table("By day", "Day", rows, lambda row: row.day or ""),
    )


def _table(caption: str, key: str, rows: Sequence[ShelfRow], name: Callable[[ShelfRow], str]) -> Table:
    return Table.of(
        caption,
        [key, "Seen", "Clicks", "Click-through", "Carts", "Orders", "Units", "Revenue"],
        [
            [
                name(row),
                f"{row.impressions:,}",
                f"{row.clicks:,}",
                "–" if row.click_through is None else f"{row.click_through:.2%}",
                f"{row.carts:,}",
                f"{row.orders:,}",
                f"{row.units:,.0f}",
                f"{row.revenue:,.2f}",
            ]
            for row in rows
        ],
    )


def _placement_position(row: ShelfRow) -> str:
    return f"{row.placement}, {row.position or 'not told'}"


def _placement_day(row: ShelfRow) -> str:
    return f"{row.placement}, {row.day}"


def _trace(row: ShelfRow) -> str:
    return TRACES.get(row.trace or "", row.trace or "")
