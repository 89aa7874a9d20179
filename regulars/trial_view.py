"""The result of an experiment as a person reads it in a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from recommender.errors import InvalidInput
from recommender.experiments.results import Difference, GroupFigure, Result, Verdict
from recommender.experiments.visitors import Entry
from regulars.pages import announce
from regulars.terminal import RIGHT, plain, results, table, write
from training.progress import Progress
from training.traffic.trials import TrialReport
from training.traffic.words import MEASURES, detectable, sizes_in_words, written

STYLES = {Verdict.BETTER: "green", Verdict.WORSE: "red", Verdict.NOT_YET: "yellow"}


def entry_of(text: str) -> Entry:
    """Return what was asked for with ``--entry``; raise `InvalidInput` if there is no such thing."""
    try:
        return Entry(text)
    except ValueError:
        raise InvalidInput(f"--entry {text}: users enter by {' or '.join(Entry)}") from None


def show_trial(report: TrialReport, folder: Path, *, page: bool, json: bool, progress: Progress) -> None:
    """Print the result as a table or as JSON; with `page`, write it as a page into `folder` too."""
    if json:
        write(dumps(report.to_dict(), indent=2, ensure_ascii=False))
    elif not page:
        results().print(trial_view(report))
    if page:
        # Drawing is slow to import, and most people read tables.
        from training.report.trial import write_trial

        with progress.step("page"):
            path = write_trial(report, folder)
        announce(path, beside_json=json)


def trial_view(report: TrialReport) -> RenderableType:
    """Return the whole result."""
    result = report.result
    return Group(
        plain(f"{result.experiment}, {report.since} to {report.until}, UTC", style="bold"),
        plain(sizes_in_words(result), style="red" if result.sample_ratio.is_mismatch else ""),
        *_groups(result),
        *_differences(result),
        plain(
            f"Intervals: {result.level:.0%}, the user being the unit. Horizon: {result.horizon_days:g} days. "
            f"Findable: the difference that would be found with {result.power:.0%} probability.",
            style="dim",
        ),
        *(plain(note, style="dim") for note in report.notes),
    )


def _groups(result: Result) -> Iterator[RenderableType]:
    headings = ["", *(f"{RIGHT}{group}" for group in result.groups)]
    found = {(figure.measure, figure.group): figure for figure in result.figures}
    told = [(name, words) for name, words in MEASURES.items() if (name, result.groups[0]) in found]
    rows = [[words.name, *(_level(found[name, group]) for group in result.groups)] for name, words in told]
    yield table(headings, rows)


def _level(figure: GroupFigure) -> str:
    if figure.value is None:
        return "–"
    value = written(figure.measure, figure.value)
    if figure.low is None or figure.high is None:
        return value
    return f"{value} ± {written(figure.measure, (figure.high - figure.low) / 2)}"


def _differences(result: Result) -> Iterator[RenderableType]:
    for group in result.groups[1:]:
        rows = [row for row in result.differences if row.group == group]
        title = f"{group} minus {result.compared_with}"
        headings = ["", f"{RIGHT}difference", f"{RIGHT}relative", f"{RIGHT}findable", ""]
        yield table(headings, [_cells(row) for row in rows], title=title)
        yield from (plain(f"{name}: {why}", style="dim") for why, name in _reasons(rows))


def _cells(row: Difference) -> list[str | Text]:
    difference = "–" if row.value is None else written(row.measure, row.value, signed=True)
    if row.low is not None and row.high is not None:
        # Half of a normal interval: it lies evenly around the difference.
        difference = f"{difference} ± {written(row.measure, (row.high - row.low) / 2).removesuffix(' %')}"
    relative = "–" if row.relative is None else f"{row.relative:+.1%}"
    verdict = plain(row.verdict.value, style=STYLES.get(row.verdict, "dim"))
    return [MEASURES[row.measure].name, difference, relative, detectable(row.measure, row.detectable), verdict]


def _reasons(rows: list[Difference]) -> list[tuple[str, str]]:
    """Return why there is no verdict, each reason once, with the measures it concerns."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.why_not is not None:
            reasons.setdefault(row.why_not, []).append(MEASURES[row.measure].name)
    return [(why, ", ".join(names)) for why, names in reasons.items()]
