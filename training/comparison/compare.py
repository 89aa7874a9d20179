"""The whole comparison of two versions, a before and b after, as plain values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from recommender.artifact import Artifact
from recommender.bootstrap import Bootstrap
from recommender.evaluation_table import Difference, EvaluationTable, Figure
from recommender.purpose import Purpose
from training.comparison.changes import Change, changes
from training.comparison.paired import BandShares, PairedFigure, band_shares, n_steps, paired_figures
from training.comparison.shelves import ShelfChange, sample_users, shelf_change, shelves_of
from training.comparison.windows import why_unpaired
from training.measured import Measured
from training.progress import Progress

SAMPLE = 2000
"""Users whose shelves are compared unless another number is asked for."""
HEADLINE = "ndcg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one version stands on its own test window: its figure, and its lead over the hardest baseline."""

    purpose: Purpose
    metric: str
    k: int
    value: float
    low: float | None
    high: float | None
    hardest: Difference | None
    """Its lead over the baseline where that is smallest; None where nothing was compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two versions."""

    version: str
    as_of: str
    cut: str | None
    """First moment of its test window; None if it was not measured."""
    n_users: int | None
    """Users measured."""
    standings: tuple[Standing, ...]
    problem: str | None
    """What is not known of it, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two versions side by side."""

    a: Side
    b: Side
    k: int | None
    """Length of the lists behind `figures`."""
    level: float
    resamples: int
    why_unpaired: str | None
    """Why there are no `figures`, as a clause; None if there are."""
    notes: tuple[str, ...]
    """What to keep in mind, in sentences."""
    figures: tuple[PairedFigure, ...]
    bands: tuple[BandShares, ...]
    shelves: ShelfChange | None
    """None if they were not asked for, or an artifact cannot be read."""
    changes: tuple[Change, ...] | None
    """None if an artifact cannot be read."""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready nested dictionaries and lists."""
        content = dataclasses.asdict(self)
        if self.shelves is not None:
            content["shelves"] |= {"changed": self.shelves.changed, "mean_replaced": self.shelves.mean_replaced}
        return content


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A version with everything a comparison looks at."""

    artifact: Artifact | None
    """None if it cannot be read, such as that of an earlier release; `problem` says why."""
    measured: Measured
    problem: str | None = None


def compare(a: Trained, b: Trained, *, bootstrap: Bootstrap, users: int = SAMPLE, progress: Progress) -> Comparison:
    """Compare b with a; `users` bounds the sample of shelves, 0 leaves them out."""
    reason = why_unpaired(a.measured, b.measured)
    figures: list[PairedFigure] = []
    bands: list[BandShares] = []
    one, other = a.measured.outcomes, b.measured.outcomes
    if reason is None and one is not None and other is not None:
        with progress.step("compare user by user", total=n_steps(one, other)) as step:
            figures = paired_figures(one, other, bootstrap, advance=step.advance)
            bands = band_shares(one, other)
    both = None if a.artifact is None or b.artifact is None else (a.artifact, b.artifact)
    return Comparison(
        a=_side(a),
        b=_side(b),
        k=one.window.k if figures and one is not None else None,
        level=bootstrap.level,
        resamples=bootstrap.resamples,
        why_unpaired=reason,
        notes=tuple(_notes(a, b, paired=reason is None)),
        figures=tuple(figures),
        bands=tuple(bands),
        shelves=_shelves(*both, n=users, seed=bootstrap.seed, progress=progress) if both and users else None,
        changes=tuple(changes(both[0].manifest, both[1].manifest)) if both else None,
    )


def _shelves(a: Artifact, b: Artifact, *, n: int, seed: int, progress: Progress) -> ShelfChange:
    users = sample_users(a.model.users.ids, b.model.users.ids, n=n, seed=seed)
    shelves = []
    for artifact in (a, b):
        with progress.step(f"shelves of {artifact.version}", total=len(users)) as step:
            shelves.append(shelves_of(artifact, users, advance=step.advance))
    return shelf_change(a, b, (shelves[0], shelves[1]))


def _notes(a: Trained, b: Trained, *, paired: bool) -> list[str]:
    if a.artifact is None or b.artifact is None:
        problems = dict.fromkeys(side.problem for side in (a, b) if side.problem)
        return [f"Shelves and settings are not compared: {problem}." for problem in problems]
    notes = []
    before, after = a.artifact.manifest, b.artifact.manifest
    if paired and before.data_fingerprint != after.data_fingerprint:
        notes.append(
            "The two were trained on different data, but measured on the same users and purchases: the differences "
            "are those of data and settings together."
        )
    if before.as_of != after.as_of:
        notes.append("Shelves are as of the end of each version's own log, so part of what changed is the time.")
    return notes


def _side(trained: Trained) -> Side:
    measured, table = trained.measured, trained.measured.evaluation
    return Side(
        version=measured.version,
        as_of=_day_of(measured.version) if trained.artifact is None else trained.artifact.manifest.as_of,
        cut=None if table is None else table.cut,
        n_users=None if table is None else table.n_users,
        standings=() if table is None else tuple(_standing(table, purpose) for purpose in table.purposes),
        problem=measured.problem,
    )


def _day_of(version: str) -> str:
    """Return the day a version's name begins with: the end of its log."""
    return f"{version[:4]}-{version[4:6]}-{version[6:8]}"


def _standing(table: EvaluationTable, purpose: Purpose) -> Standing:
    figure: Figure = table.figure(table.subject, purpose, HEADLINE, table.cutoffs[-1])
    rows = [row for row in table.differences if (row.purpose, row.metric, row.k) == (purpose, HEADLINE, figure.k)]
    return Standing(
        purpose=purpose,
        metric=HEADLINE,
        k=figure.k,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        hardest=min(rows, key=lambda row: row.value, default=None),
    )
