"""The page about an experiment: one HTML file that needs nothing else, in the style of the training report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recommender.experiments.metrics import MEASURES as DEFINED
from recommender.experiments.results import Difference, GroupFigure, Result, Verdict
from training.report.findings import Finding
from training.report.illustration import Illustration, illustrate
from training.report.plots import MARKERS, Dot, draw_dots
from training.report.svg import SERIES, Ink
from training.report.tables import Table
from training.report.traffic import environment, style
from training.traffic.trials import TrialReport
from training.traffic.words import MEASURES, detectable, sizes_in_words, written

INKS = {Verdict.BETTER: Ink.GOOD, Verdict.WORSE: Ink.BAD}
VERDICT_MARKERS = {Verdict.BETTER: "o", Verdict.WORSE: "X"}
CARDS = {Verdict.BETTER: "better", Verdict.WORSE: "worse", Verdict.UNDECIDED: "undecided"}
HEADLINES = {
    Verdict.BETTER: "better than {}",
    Verdict.WORSE: "worse than {}",
    Verdict.UNDECIDED: "no sure difference",
    Verdict.NOT_YET: "not enough to say",
}
HEADLINE_MEASURES = {
    "experiment": ("repeat_rate", "days_to_order", "revenue_adjusted"),
    "campaign": ("return_rate", "days_to_order", "revenue_adjusted"),
}


def render_trial(report: TrialReport) -> str:
    """Return the page. Same report, same bytes; every text is escaped."""
    result = report.result
    told = {figure.measure for figure in result.figures}
    return (
        environment()
        .get_template("trial.html.j2")
        .render(
            report=report,
            result=result,
            css=style(),
            sizes=sizes_in_words(result),
            findings=list(_findings(report)),
            drawings=list(_drawings(result)),
            levels=_levels(result),
            differences=_differences(result, list(result.differences), "Every difference"),
            meanings=[(words.name, words.meaning) for measure, words in MEASURES.items() if measure in told],
        )
    )


def write_trial(report: TrialReport, folder: Path) -> Path:
    """Write ``experiment-<name>-<since>-<until>.html``, or ``campaign-…``, into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{report.kind}-{report.result.experiment}-{report.since}-{report.until}.html"
    page.write_text(render_trial(report), encoding="utf-8")
    return page


def _findings(report: TrialReport) -> Iterator[Finding]:
    result = report.result
    for measure in HEADLINE_MEASURES[report.kind]:
        for row in (row for row in result.differences if row.measure == measure):
            headline = HEADLINES.get(row.verdict, row.verdict.value).format(result.compared_with)
            yield Finding(
                title=f"{row.group}: {_name(row.measure)}",
                verdict=CARDS.get(row.verdict, "plain"),
                headline=headline.capitalize(),
                detail=row.why_not or f"{_signed(row, row.value)}, {result.level:.0%} interval {_interval(row)}.",
            )


def _drawings(result: Result) -> Iterator[Illustration]:
    known = [row for row in result.differences if row.low is not None and DEFINED[row.measure].is_fair]
    if known:
        panels = [
            (_name(measure), [_dot(row) for row in known if row.measure == measure])
            for measure in dict.fromkeys(row.measure for row in known)
        ]
        yield illustrate(
            "differences",
            title=f"Each variant minus {result.compared_with}",
            caption=f"Differences with {result.level:.0%} intervals; a whisker that crosses the line is undecided. "
            "Shares in points, money in the shop's currency. Fewer days to the next order are better.",
            alt="; ".join(f"{_name(row.measure)}, {row.group}: {_signed(row, row.value)}" for row in known),
            figure=lambda: draw_dots(panels, xlabel="difference", zero=True),
            table=_differences(result, known, "Differences"),
        )
    levels = [figure for figure in result.figures if figure.value is not None]
    if levels:
        yield _level_drawing(result, levels)


def _level_drawing(result: Result, figures: list[GroupFigure]) -> Illustration:
    place = {group: at for at, group in enumerate(result.groups)}
    panels = []
    for measure in dict.fromkeys(figure.measure for figure in figures):
        dots = [
            Dot(
                label=figure.group,
                value=_scaled(measure, figure.value),
                low=None if figure.low is None else _scaled(measure, figure.low),
                high=None if figure.high is None else _scaled(measure, figure.high),
                ink=SERIES[place[figure.group] % len(SERIES)],
                marker=MARKERS[place[figure.group] % len(MARKERS)],
            )
            for figure in figures
            if figure.measure == measure
        ]
        panels.append((_name(measure), dots))
    return illustrate(
        "levels",
        title="What each group did",
        caption="Every measure of every group, with intervals; the panels have their own scales. Shares in per cent.",
        alt="; ".join(f"{_name(row.measure)}, {row.group}: {written(row.measure, row.value or 0)}" for row in figures),
        figure=lambda: draw_dots(panels, xlabel=""),
        table=_levels(result),
    )


def _dot(row: Difference) -> Dot:
    return Dot(
        label=row.group,
        value=_scaled(row.measure, row.value),
        low=_scaled(row.measure, row.low),
        high=_scaled(row.measure, row.high),
        ink=INKS.get(row.verdict, Ink.MUTED),
        marker=VERDICT_MARKERS.get(row.verdict, "s"),
    )


def _scaled(measure: str, value: float | None) -> float:
    return (value or 0.0) * (100 if MEASURES[measure].unit == "share" else 1)


def _levels(result: Result) -> Table:
    return Table.of(
        "What each group did",
        ["Measure", "Group", "Users", "Value", "Interval", "Not yet because"],
        [
            [
                _name(row.measure),
                row.group,
                f"{row.n:,}",
                "–" if row.value is None else written(row.measure, row.value),
                "–" if row.low is None or row.high is None else _span(row.measure, row.low, row.high, signed=False),
                row.why_not or "",
            ]
            for row in result.figures
        ],
    )


def _differences(result: Result, rows: list[Difference], caption: str) -> Table:
    return Table.of(
        caption,
        ["Measure", "Group", "Difference", "Relative", "Interval", "p", "Could have found", "Verdict", "Because"],
        [
            [
                _name(row.measure),
                f"{row.group} − {result.compared_with}",
                _signed(row, row.value),
                "–" if row.relative is None else f"{row.relative:+.1%}",
                _interval(row),
                "–" if row.p_value is None else f"{row.p_value:.3f}",
                detectable(row.measure, row.detectable),
                row.verdict.value,
                row.why_not or "",
            ]
            for row in rows
        ],
    )


def _name(measure: str) -> str:
    return MEASURES[measure].name


def _signed(row: Difference, value: float | None) -> str:
    return "–" if value is None else written(row.measure, value, signed=True)


def _interval(row: Difference) -> str:
    return "–" if row.low is None or row.high is None else _span(row.measure, row.low, row.high, signed=True)


def _span(measure: str, low: float, high: float, *, signed: bool) -> str:
    return f"{written(measure, low, signed=signed)} to {written(measure, high, signed=signed)}"
