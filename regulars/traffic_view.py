"""Traffic as a person reads it in a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType

from recommender.errors import InvalidInput
from regulars.terminal import RIGHT, plain, table
from training.traffic.tables import ShelfRow, TrafficReport

VIEWS = ("placement", "position", "day", "trace")
TRACES = {"named": "named by the event", "clicked": "clicked before", "seen": "seen before"}
_FIGURES = [f"{RIGHT}{name}" for name in ("seen", "clicks", "CTR", "carts", "orders", "revenue")]


def require_view(by: str) -> None:
    """Raise `InvalidInput` if traffic cannot be broken down by that."""
    if by not in VIEWS:
        raise InvalidInput(f"--by {by}: traffic is shown by {', '.join(VIEWS)}")


def traffic_view(report: TrafficReport, *, by: str) -> RenderableType:
    """Return the figures of one breakdown, and of everything together."""
    (total,) = report.views["all"] or (_nothing(),)
    names = {"position": ["placement", f"{RIGHT}position"], "trace": ["traced"]}.get(by, [by])
    rows = [(*_key(row, by), *figures(row)) for row in report.views[by]]
    last = [("all", *([""] * (len(names) - 1)), *figures(total))]
    share = f" ({total.revenue / report.revenue:.1%})" if report.revenue else ""
    return Group(
        plain(f"{report.since} to {report.until}, UTC", style="bold"),
        table([*names, *_FIGURES], [*rows, *last]),
        plain(
            f"{total.orders:,} of {report.orders:,} orders and {total.revenue:,.2f} of {report.revenue:,.2f} "
            f"{report.currency}{share} followed a shelf: clicked at most {report.click_days:g} days before, or seen at "
            f"most {report.view_days:g}.",
            style="dim",
        ),
        *(plain(note, style="dim") for note in report.notes),
    )


def figures(row: ShelfRow) -> Iterable[str]:
    """Return the cells of the figures."""
    rate = "–" if row.click_through is None else f"{row.click_through:.2%}"
    return (
        f"{row.impressions:,}",
        f"{row.clicks:,}",
        rate,
        f"{row.carts:,}",
        f"{row.orders:,}",
        f"{row.revenue:,.2f}",
    )


def _key(row: ShelfRow, by: str) -> list[str]:
    if by == "position":
        return [row.placement or "", str(row.position or "–")]
    if by == "trace":
        return [TRACES.get(row.trace or "", row.trace or "")]
    return [getattr(row, by) or ""]


def _nothing() -> ShelfRow:
    return ShelfRow(impressions=0, clicks=0, carts=0, orders=0, units=0.0, revenue=0.0)
