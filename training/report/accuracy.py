"""The figures about the lists: is the model better, for whom, and how varied is what it shows?"""

from __future__ import annotations

from collections.abc import Iterator

from recommender.evaluation_table import EvaluationTable
from recommender.purpose import Purpose
from training.report.findings import HEADLINE_METRIC, headline_k, lift, verdict
from training.report.glossary import METRICS, PURPOSES, metric_label
from training.report.illustration import Illustration, illustrate
from training.report.plots import MARKERS, Bar, Dot, Line, draw_bars, draw_dots, draw_lines
from training.report.svg import SERIES, Ink
from training.report.tables import Table, interval, number

VERDICT_INKS = {"better": Ink.GOOD, "worse": Ink.BAD, "undecided": Ink.MUTED}
VERDICT_MARKERS = {"better": "o", "worse": "X", "undecided": "s"}


def accuracy_figures(table: EvaluationTable, *, with_variety: bool = True) -> Iterator[Illustration]:
    """Yield the drawings of the evaluation in reading order; `with_variety` where no section of its own has it."""
    if table.differences:
        yield _differences(table)
    yield _levels(table)
    if table.deciles:
        yield _deciles(table)
    if with_variety:
        yield _variety(table)


def all_metrics(table: EvaluationTable, purpose: Purpose) -> Table:
    """Return every metric of every ranker for one purpose, the interval below its figure."""
    columns = [(metric, k) for metric in METRICS for k in table.cutoffs]
    return Table.of(
        PURPOSES[purpose],
        ["Ranker", *(metric_label(metric, k) for metric, k in columns)],
        [
            [ranker, *(_cell(table, ranker, purpose, metric, k) for metric, k in columns)]
            for ranker in _rankers(table, purpose)
        ],
    )


def _cell(table: EvaluationTable, ranker: str, purpose: Purpose, metric: str, k: int) -> str:
    figure = table.figure(ranker, purpose, metric, k)
    digits = 3 if metric == "novelty" else 4
    if figure.low is None or figure.high is None:
        return number(figure.value, digits=digits)
    # The interval on a line of its own: the figures stay in their column.
    return f"{figure.value:.{digits}f}\n{figure.low:.{digits - 1}f}–{figure.high:.{digits - 1}f}"


def _rankers(table: EvaluationTable, purpose: Purpose) -> list[str]:
    """Return the rankers measured for a purpose, the subject first."""
    measured = dict.fromkeys(figure.ranker for figure in table.figures if figure.purpose is purpose)
    return sorted(measured, key=lambda ranker: ranker != table.subject)


def _places(table: EvaluationTable) -> dict[str, int]:
    """Return the place of each ranker in the colours and shapes, the subject first."""
    return {name: place for place, name in enumerate(sorted(table.rankers, key=lambda name: name != table.subject))}


def _differences(table: EvaluationTable) -> Illustration:
    k = headline_k(table)
    rows = [row for row in table.differences if (row.metric, row.k) == (HEADLINE_METRIC, k)]
    panels = []
    for purpose in dict.fromkeys(row.purpose for row in rows):
        dots = [
            Dot(
                label=f"vs {row.baseline}",
                value=row.value,
                low=row.low,
                high=row.high,
                ink=VERDICT_INKS[verdict(row)],
                marker=VERDICT_MARKERS[verdict(row)],
            )
            for row in rows
            if row.purpose is purpose
        ]
        panels.append((PURPOSES[purpose], dots))
    label = metric_label(HEADLINE_METRIC, k)
    return illustrate(
        "difference",
        title=f"{table.subject.capitalize()} minus baseline, customer by customer",
        caption=f"Mean paired difference in {label} with its {table.level:.0%} interval. Right of the line "
        f"{table.subject} is better; a whisker that crosses the line is undecided.",
        alt="; ".join(f"{PURPOSES[row.purpose]}, {row.baseline}: {row.value:+.4f}, {verdict(row)}" for row in rows),
        figure=lambda: draw_dots(panels, xlabel=f"difference in {label}", zero=True),
        table=Table.of(
            f"Difference in {label}",
            ["Compared with", "Lists of", "Difference", "Relative", "Interval", "Verdict"],
            [
                [
                    row.baseline,
                    PURPOSES[row.purpose],
                    f"{row.value:+.4f}",
                    "–" if (share := lift(table, row)) is None else f"{share:+.1%}",
                    interval(row.low, row.high, signed=True),
                    verdict(row),
                ]
                for row in rows
            ],
        ),
    )


def _levels(table: EvaluationTable) -> Illustration:
    k, places = headline_k(table), _places(table)
    panels = []
    rows: list[list[str]] = []
    for purpose in table.purposes:
        dots = []
        for ranker in _rankers(table, purpose):
            figure = table.figure(ranker, purpose, HEADLINE_METRIC, k)
            ink, marker = SERIES[places[ranker] % len(SERIES)], MARKERS[places[ranker] % len(MARKERS)]
            dots.append(Dot(label=ranker, value=figure.value, low=figure.low, high=figure.high, ink=ink, marker=marker))
            span = interval(figure.low, figure.high)
            rows.append([ranker, PURPOSES[purpose], number(figure.value), span, f"{figure.n_users:,}"])
        panels.append((PURPOSES[purpose], dots))
    label = metric_label(HEADLINE_METRIC, k)
    return illustrate(
        "level",
        title="How good the lists are",
        caption=f"{label} of every ranker, with intervals; 1 would be perfect. The panels have their own scales: "
        "what a customer will try for the first time is far harder to foresee.",
        alt="; ".join(f"{purpose}, {ranker}: {value}" for ranker, purpose, value, *_ in rows),
        figure=lambda: draw_dots(panels, xlabel=label),
        table=Table.of(label, ["Ranker", "Lists of", label, "Interval", "Customers"], rows),
    )


def _deciles(table: EvaluationTable) -> Illustration:
    k, places = headline_k(table), _places(table)
    chosen = [row for row in table.deciles if row.k == k]
    panels = []
    for purpose in dict.fromkeys(row.purpose for row in chosen):
        for metric in dict.fromkeys(row.metric for row in chosen):
            lines = []
            for ranker in sorted({row.ranker for row in chosen if row.purpose is purpose}, key=places.__getitem__):
                at = [row for row in chosen if (row.ranker, row.purpose, row.metric) == (ranker, purpose, metric)]
                lines.append(
                    Line(
                        label=ranker,
                        x=[row.decile for row in at],
                        value=[row.value for row in at],
                        low=[row.low for row in at],
                        high=[row.high for row in at],
                    )
                )
            panels.append((f"{PURPOSES[purpose]}, {metric_label(metric, k)}", lines))
    return illustrate(
        "decile",
        title="For whom",
        caption="The same figures by customer value: ten equal groups by money spent before the holdout, 10 spent the "
        "most. A model must not buy its average with the best customers.",
        alt=f"Lines per ranker over value deciles 1 to 10 in {len(panels)} panels; the table below has every figure",
        figure=lambda: draw_lines(panels, xlabel="value decile"),
        table=Table.of(
            "Figures by value decile",
            ["Decile", "Lists of", "Ranker", "Metric", "Value", "Interval", "Customers"],
            [
                [
                    str(row.decile),
                    PURPOSES[row.purpose],
                    row.ranker,
                    metric_label(row.metric, k),
                    number(row.value),
                    interval(row.low, row.high),
                    f"{row.n_users:,}",
                ]
                for row in chosen
            ],
        ),
    )


def _variety(table: EvaluationTable) -> Illustration:
    k, places = headline_k(table), _places(table)
    panels, rows = [], []
    for purpose in table.purposes:
        for metric, form in (("coverage", "{:.2%}"), ("novelty", "{:.1f} bits")):
            bars = []
            for ranker in _rankers(table, purpose):
                value = table.figure(ranker, purpose, metric, k).value
                ink = SERIES[places[ranker] % len(SERIES)]
                bars.append(Bar(label=ranker, value=value, text=form.format(value), ink=ink))
                rows.append([ranker, PURPOSES[purpose], metric_label(metric, k), form.format(value)])
            panels.append((f"{PURPOSES[purpose]}, {METRICS[metric][0].lower()}", bars))
    return illustrate(
        "variety",
        title="How varied the lists are",
        caption="Coverage is the share of the catalogue anybody is shown, novelty the distance from the bestsellers. "
        "Neither is a goal by itself: a good model is accurate first.",
        alt="; ".join(f"{purpose}, {ranker}, {metric}: {value}" for ranker, purpose, metric, value in rows),
        figure=lambda: draw_bars(panels, columns=2),
        table=Table.of("Coverage and novelty", ["Ranker", "Lists of", "Metric", "Value"], rows),
    )
