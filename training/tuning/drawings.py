"""The drawings of a search: how it went, what each setting did, and which settings mattered."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from training.report.illustration import Illustration, illustrate
from training.report.plots import WIDTH, Bar, draw_bars
from training.report.svg import Ink
from training.report.tables import Table
from training.tuning.findings import Findings
from training.tuning.space import Dimension
from training.tuning.study import Outcome, Trial

COLUMNS = 3


def drawings(findings: Findings) -> list[Illustration]:
    """Return the drawings there is enough for."""
    if not findings.ranked:
        return []
    found = [_history(findings), _slices(findings)]
    return [*found, _importances(findings)] if findings.importances else found


def _history(findings: Findings) -> Illustration:
    best, rows = 0.0, []
    for trial in findings.trials:
        if trial.outcome is Outcome.MEASURED:
            best = max(best, trial.score or 0.0)
        score = "–" if trial.score is None else f"{trial.score:.4f}"
        so_far = f"{best:.4f}" if best else "–"
        rows.append([str(trial.number), trial.outcome.value, score, so_far, f"{trial.seconds:,.1f}"])
    return illustrate(
        "history",
        title="How the search went",
        caption="The score of each trial; the line is the best so far. A trial that was given up early has the score "
        "of the users it was measured on. Where the line is flat to the right, more trials will not help much.",
        alt=f"{len(findings.trials)} trials, the best is {best:.4f}; the table below has every figure",
        figure=lambda: _draw_history(findings.trials),
        table=Table.of("Trials in order", ["Trial", "Outcome", "Score", "Best so far", "Seconds"], rows),
    )


def _draw_history(trials: Sequence[Trial]) -> Figure:
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    axis = figure.subplots()
    measured = [trial for trial in trials if trial.outcome is Outcome.MEASURED]
    _points(axis, [trial.number for trial in measured], _scores(measured), ink=Ink.SERIES_1, label="measured")
    early = [trial for trial in trials if trial.outcome is Outcome.GIVEN_UP and trial.score is not None]
    if early:
        _points(axis, [t.number for t in early], _scores(early), ink=Ink.SERIES_2, marker="x", label="given up early")
    so_far = [max(_scores(measured[: place + 1])) for place in range(len(measured))]
    numbers = [trial.number for trial in measured]
    axis.step(numbers, so_far, where="post", color=Ink.SERIES_1, linewidth=1.6)
    axis.set_xlabel("trial")
    axis.set_ylabel("score")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(axis="y")
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def _slices(findings: Findings) -> Illustration:
    measured = findings.ranked
    rows = [
        [str(trial.number), f"{trial.score:.4f}", *(_short(trial.values[d.key]) for d in findings.space)]
        for trial in measured
    ]
    return illustrate(
        "slices",
        title="What each setting did",
        caption="Each dot is a trial that was measured on all users. The vertical line is the setting as it is now, "
        "the large dot the best trial. All settings vary at once, so one picture shows a tendency, not a cause.",
        alt=f"Score over the value of each of {len(findings.space)} settings; the table below has every figure",
        figure=lambda: _draw_slices(findings.space, measured),
        table=Table.of("Measured trials, best first", ["Trial", "Score", *(d.key for d in findings.space)], rows),
    )


def _draw_slices(space: Sequence[Dimension], ranked: Sequence[Trial]) -> Figure:
    n_rows = math.ceil(len(space) / COLUMNS)
    figure = Figure(figsize=(WIDTH, 0.4 + 1.9 * n_rows), layout="constrained")
    axes = list(figure.subplots(n_rows, COLUMNS, squeeze=False, sharey=True).flat)
    for axis, dimension in zip(axes, space, strict=False):
        axis.set_title(dimension.key)
        if dimension.log and dimension.low > 0:
            axis.set_xscale("log")
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.axvline(dimension.current, color=Ink.MUTED, linewidth=1)
        values = [trial.values[dimension.key] for trial in ranked]
        _points(axis, values, _scores(ranked), ink=Ink.SERIES_1)
        axis.plot(values[:1], _scores(ranked[:1]), "o", color=Ink.SERIES_2, markersize=8)
        axis.grid(axis="y")
    for unused in axes[len(space) :]:
        unused.set_visible(False)
    return figure


def _importances(findings: Findings) -> Illustration:
    shares = findings.importances
    return illustrate(
        "importances",
        title="Which settings mattered",
        caption="The share of the differences in score that each setting explains by itself (PED-ANOVA, Watanabe et "
        "al. 2023). With few trials this is a hint, not a measurement.",
        alt="; ".join(f"{key}: {share:.0%}" for key, share in shares.items()),
        figure=lambda: draw_bars([("", [Bar(label=k, value=v, text=f"{v:.0%}") for k, v in shares.items()])]),
        table=Table.of("Importances", ["Setting", "Share"], [[key, f"{share:.1%}"] for key, share in shares.items()]),
    )


def _points(
    axis: Axes,
    x: Sequence[float],
    y: Sequence[float],
    *,
    ink: Ink,
    marker: str = "o",
    label: str | None = None,
) -> None:
    axis.plot(x, y, marker, color=ink, markersize=4.5, label=label, linestyle="none")


def _scores(trials: Sequence[Trial]) -> list[float]:
    return [trial.score or 0.0 for trial in trials]


def _short(value: float) -> str:
    return f"{value:g}"
