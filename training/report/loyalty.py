"""The figures about the customer base: what is expected of customers, how right that was, and how they move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from recommender.loyalty.calibration import Accuracy
from recommender.loyalty.concentration import Concentration
from recommender.loyalty.movement import Cohorts, Movement
from recommender.loyalty.rfm import Segment
from training.loyalty.calibration import OWN_RATE
from training.loyalty.figures import FORECAST, Calibration, Days, Fitted, LoyaltyFigures, Staying
from training.report.heat_map import draw_heat_map
from training.report.illustration import Illustration, illustrate
from training.report.plots import Line, draw_lines
from training.report.tables import Table

DRAWN = (FORECAST, OWN_RATE)
"""Forecasts of the drawing; the table has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customers:
    """The content of the section."""

    lead: str
    notes: tuple[str, ...]
    """Why something is not said."""
    figures: tuple[Illustration, ...]
    tables: tuple[Table, ...]


def customers_of(loyalty: LoyaltyFigures) -> Customers:
    """Return the content of the section."""
    calibration = loyalty.calibration
    notes = [f"{model.capitalize()} could not be forecast: {why}." for model, why in loyalty.fitted.reasons.items()]
    if loyalty.why_uncalibrated:
        notes.append(f"The forecast was not measured: {loyalty.why_uncalibrated}.")
    return Customers(
        lead="" if loyalty.concentration is None else _lead(loyalty.concentration),
        notes=tuple(notes),
        figures=tuple(_figures(loyalty)),
        tables=(*(_tables(calibration) if calibration else ()), *_estimates(loyalty.fitted)),
    )


def _lead(spread: Concentration) -> str:
    return f"The fifth of the customers who spend the most bring {spread.best_fifth:.0%} of the revenue."


def _figures(loyalty: LoyaltyFigures) -> Iterator[Illustration]:
    if loyalty.calibration is not None:
        yield _calibration(loyalty.calibration)
    if loyalty.concentration is not None:
        yield _lorenz(loyalty.concentration)
    if loyalty.movement is not None:
        yield _moves(loyalty.movement)
        yield _sizes(loyalty.movement)
    if loyalty.cohorts is not None:
        yield _cohorts(loyalty.cohorts)


def _calibration(found: Calibration) -> Illustration:
    panels = [
        (title, [_line(each) for each in rows if each.name in DRAWN] + [_ideal(rows)])
        for title, rows in (("Orders per customer", found.orders), ("Money per customer", found.money))
    ]
    ours = [rows[0] for rows in (found.orders, found.money)]
    return illustrate(
        "calibration",
        title="What was expected of customers, and what came",
        caption=f"A forecast made on {found.cut} from what lies before it, and the {found.days} days after. Each point "
        "is a tenth of the customers, by what was expected of them; on the line \u201cas expected\u201d the forecast "
        "was right. An order is a day with an order.",
        alt="; ".join(
            f"{title}, tenth {number}: expected {tenth.expected:.2f}, came {tenth.observed:.2f}"
            for title, each in zip(("orders", "money"), ours, strict=True)
            for number, tenth in enumerate(each.tenths, start=1)
        ),
        figure=lambda: draw_lines(panels, xlabel="mean expected", whole=False),
        table=Table.of(
            "Expected and observed by tenth",
            ["Tenth", "Of", "Forecast", "Customers", "Expected", "Came"],
            [
                [str(number), of, each.name, f"{tenth.n:,}", f"{tenth.expected:,.2f}", f"{tenth.observed:,.2f}"]
                for of, rows in (("orders", found.orders), ("money", found.money))
                for each in rows
                if each.name in DRAWN
                for number, tenth in enumerate(each.tenths, start=1)
            ],
        ),
    )


def _line(found: Accuracy) -> Line:
    return Line.plain(found.name, [t.expected for t in found.tenths], [t.observed for t in found.tenths])


def _ideal(rows: Sequence[Accuracy]) -> Line:
    end = max(t.expected for each in rows if each.name in DRAWN for t in each.tenths)
    return Line.plain("as expected", [0.0, end], [0.0, end])


def _lorenz(spread: Concentration) -> Illustration:
    shares = [100 * share for share in spread.customers]
    lines = [
        Line.plain("revenue", shares, [100 * share for share in spread.revenue]),
        Line.plain("if all spent the same", [0.0, 100.0], [0.0, 100.0]),
    ]
    return illustrate(
        "lorenz",
        title="Whom the revenue comes from",
        caption="The Lorenz curve: the share of revenue (%) that the customers who spend the least bring together. "
        f"The last fifth brings {spread.best_fifth:.1%}; the Gini coefficient is {spread.gini:.2f}, where 0 is all "
        "alike.",
        alt="; ".join(f"{x:.0%} of customers: {y:.1%}" for x, y in zip(spread.customers, spread.revenue, strict=True)),
        figure=lambda: draw_lines([("", lines)], xlabel="share of customers, %", columns=1, whole=False),
        table=Table.of(
            "Share of revenue",
            ["Customers, from those who spend the least", "Revenue"],
            [[f"{x:.0%}", f"{y:.1%}"] for x, y in zip(spread.customers, spread.revenue, strict=True)],
        ),
    )


def _moves(movement: Movement) -> Illustration:
    labels = [segment.label for segment in Segment]
    totals = [sum(row) for row in movement.moves]
    kept = [at for at, total in enumerate(totals) if total]
    shares = [[movement.moves[at][to] / totals[at] for to in range(len(labels))] for at in kept]
    return illustrate(
        "moves",
        title="Where customers go from month to month",
        caption=f"Of the customers of a segment at the end of a month, the share in each segment a month later, "
        f"{movement.months[0]} to {movement.months[-1]}. The diagonal stays.",
        alt="; ".join(f"{labels[at]} stays {labels[at]}: {row[at]:.0%}" for at, row in zip(kept, shares, strict=True)),
        figure=lambda: draw_heat_map([labels[at] for at in kept], labels, shares, xlabel="a month later", ylabel=""),
        table=Table.of(
            "Customers by segment and segment a month later, all months together",
            ["From", *labels],
            [[labels[at], *(f"{count:,}" for count in movement.moves[at])] for at in kept],
        ),
    )


def _sizes(movement: Movement) -> Illustration:
    labels = [segment.label for segment in Segment]
    shares = [[count / max(sum(sizes), 1) for count in sizes] for sizes in movement.sizes]
    return illustrate(
        "segment-sizes",
        title="Segments at the end of each month",
        caption="As a training on that day would have sorted customers. Prospects are those whose first order was "
        "still to come.",
        alt="; ".join(
            f"{month}: " + ", ".join(f"{label} {share:.0%}" for label, share in zip(labels, row, strict=True))
            for month, row in zip(movement.months, shares, strict=True)
        ),
        figure=lambda: draw_heat_map(movement.months, labels, shares, xlabel="share of customers", ylabel=""),
        table=Table.of(
            "Customers by segment",
            ["Month", *labels],
            [
                [month, *(f"{count:,}" for count in sizes)]
                for month, sizes in zip(movement.months, movement.sizes, strict=True)
            ],
        ),
    )


def _cohorts(cohorts: Cohorts) -> Illustration:
    shares: list[list[float | None]] = [
        [count / size if size else None for count in row]
        for size, row in zip(cohorts.sizes, cohorts.active, strict=True)
    ]
    later = [str(month) for month in range(len(cohorts.months))]
    names = [f"{month} ({size:,})" for month, size in zip(cohorts.months, cohorts.sizes, strict=True)]
    return illustrate(
        "cohorts",
        title="Who came back, by the month of the first order",
        caption="Of the customers who came in a month, the share who ordered so many months later. The first month of "
        "the log holds everybody who was there before it began.",
        alt="; ".join(
            f"{month}: {size:,} came" + (f", {row[-1]:,} ordered in the last month" if len(row) > 1 else "")
            for month, size, row in zip(cohorts.months, cohorts.sizes, cohorts.active, strict=True)
        ),
        figure=lambda: draw_heat_map(names, later, shares, xlabel="months later", ylabel="first order"),
        table=Table.of(
            "Customers who ordered, by month of the first order and months since",
            ["First order", *later],
            [
                [month, *(f"{count:,}" for count in row), *[""] * (len(later) - len(row))]
                for month, row in zip(cohorts.months, cohorts.active, strict=True)
            ],
        ),
    )


def _tables(found: Calibration) -> Iterator[Table]:
    """Yield every forecast beside the simpler ones."""
    yield Table.of(
        f"Forecasts of the {found.days} days from {found.cut}",
        ["Of", "Forecast", "All expected / all that came", "Mean error of a customer", "Error by tenth"],
        [
            [of, each.name, f"{each.total:.3f}", f"{each.error:,.2f}", f"{each.tenth_error:.1%}"]
            for of, rows in (("orders", found.orders), ("money", found.money))
            for each in rows
        ],
    )
    if found.staying is not None:
        yield _staying(found.staying, found.days)
    if found.dates:
        yield Table.of(
            "Days: when customers order next, and when items are bought again",
            ["Day of", "Cases", "Came", "In the interval of 80 %", "Before it", "Width, days", "Median error, days"],
            [row for each in found.dates for row in _date_rows(each)],
        )


def _staying(found: Staying, days: int) -> Table:
    return Table.of(
        f"Who orders within {days} days: {found.returned:.1%} of {found.n:,} did",
        ["Told by", "AUC (0.5 is chance)", "Brier score (less is better)"],
        [
            ["probability of an order", f"{found.auc:.3f}", f"{found.brier:.4f}"],
            ["probability of still being a customer", f"{found.auc_alive:.3f}", "–"],
            ["days since the last order", f"{found.auc_recency:.3f}", "–"],
            ["the same of everybody", "0.500", f"{found.brier_mean:.4f}"],
        ],
    )


def _date_rows(found: Days) -> Iterator[list[str]]:
    inside, early = f"{found.inside:.1%}", f"{found.early:.1%}"
    yield [found.what, f"{found.n:,}", f"{found.came:.1%}", inside, early, f"{found.width:.0f}", f"{found.error:.1f}"]
    for name, error in found.naive_errors.items():
        yield [f"{found.what}, by {name}", f"{found.n:,}", f"{found.came:.1%}", "–", "–", "–", f"{error:.1f}"]


def _estimates(fitted: Fitted) -> Iterator[Table]:
    if fitted.estimates:
        yield Table.of(
            "What was learned of all customers"
            + (", who may leave after the first order already" if fitted.leaves_at_once else ""),
            ["Model", "Parameter", "Estimate", "Standard error"],
            [
                [each.model, each.name, f"{each.value:.4g}", "–" if each.error is None else f"{each.error:.2g}"]
                for each in fitted.estimates
            ]
            + [["items bought again", "regularity", f"{fitted.regularity:.3g}", "–"]],
        )
