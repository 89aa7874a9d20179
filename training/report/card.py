"""The model card of a version: what it is, what it is good for, how good it is and for whom, in one page of Markdown.

The sections follow Mitchell et al. 2019, "Model Cards for Model Reporting". It is written for whoever meets a version
without having trained it, so it says what the figures do not show as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np

from recommender.blend import FEATURES
from recommender.bootstrap import Bootstrap
from recommender.evaluation_table import DecileFigure, Difference, EvaluationTable, Figure
from recommender.manifest import Manifest
from recommender.outcomes import Outcomes
from recommender.purpose import Purpose
from training.comparison.changes import flat, git_commit
from training.comparison.groups import NEW_DAYS, NEW_ORDERS, Breakdown, user_groups
from training.comparison.paired import mean_difference
from training.report.data import ReportData
from training.report.findings import HEADLINE_METRIC, headline_k, lift, verdict
from training.report.glossary import PURPOSES, metric_label

_FOLDER = Path(__file__).parent
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_OUTSIDE = "other"
"""The component of a feature that this release does not know."""

Row = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Age:
    """The subject beside the hardest baseline among new or warm users, for one purpose."""

    row: Row
    """Purpose, age, users, mean, baseline, its mean, difference, interval."""
    is_worse: bool

    @property
    def sentence(self) -> str:
        """What a reader should know of it."""
        purpose, age, users, _, baseline, _, difference, span = self.row
        return f"{purpose}, {age} customers ({users}): it is worse than {baseline} ({difference}, {span})."


def render_card(data: ReportData, manifest: Manifest, outcomes: Outcomes | None) -> str:
    """Return the card. Same content, same bytes; names from outside cannot form markup."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=False,  # noqa: S701  # Markdown: `plain` escapes what it would read as markup
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain
    table = data.evaluation
    ages = list(_ages(outcomes, table)) if outcomes and table else []
    weak = [*(_weak(table) if table else ()), *(age.sentence for age in ages if age.is_worse)]
    return environment.get_template("card.md.j2").render(
        data=data,
        manifest=manifest,
        commit=git_commit(manifest),
        table=table,
        figures=list(_figures(table)) if table else [],
        leads=list(_leads(table)) if table else [],
        deciles=list(_deciles(table)) if table else [],
        ages=[age.row for age in ages],
        has_outcomes=outcomes is not None,
        weak=weak,
        metric=metric_label(HEADLINE_METRIC, headline_k(table)) if table else "",
        new_days=NEW_DAYS,
        new_orders=NEW_ORDERS,
        blend=list(_blend(data)),
        parameters=list(flat(manifest.parameters)),
    )


def write_card(data: ReportData, manifest: Manifest, outcomes: Outcomes | None, folder: Path) -> Path:
    """Write ``<version>.md`` into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{data.version}.md"
    path.write_text(render_card(data, manifest, outcomes), encoding="utf-8")
    return path


def plain(value: object) -> str:
    r"""Return text that Markdown shows as it is, on one line.

    >>> print(plain("<b>tea|milk</b>"))
    \<b\>tea\|milk\</b\>
    """
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def _name(purpose: Purpose) -> str:
    return PURPOSES.get(purpose, purpose.value)


def _figures(table: EvaluationTable) -> Iterator[Row]:
    """Yield purpose, ranker, nDCG, recall and users of every ranker, the subject first."""
    k = headline_k(table)
    for purpose in table.purposes:
        for ranker in sorted(table.rankers, key=lambda name: name != table.subject):
            try:
                found = [table.figure(ranker, purpose, metric, k) for metric in (HEADLINE_METRIC, "recall")]
            except KeyError:
                continue
            yield [_name(purpose), ranker, *map(_value, found), f"{found[0].n_users:,}"]


def _leads(table: EvaluationTable) -> Iterator[Row]:
    """Yield purpose, baseline, difference, its interval and verdict."""
    for row in table.differences:
        if (row.metric, row.k) == (HEADLINE_METRIC, headline_k(table)):
            share = lift(table, row)
            relative = "" if share is None else f" ({share:+.1%})"
            yield [
                _name(row.purpose), row.baseline, f"{row.value:+.4f}{relative}", _span(row.low, row.high), verdict(row)
            ]  # fmt: skip


def _deciles(table: EvaluationTable) -> Iterator[Row]:
    """Yield purpose, decile, users, the subject's figure, the baseline that is hardest to beat, and its figure."""
    for purpose in table.purposes:
        hardest = _hardest(table, purpose)
        others = _by_decile(table, purpose, hardest.baseline) if hardest else {}
        for decile, mine in sorted(_by_decile(table, purpose, table.subject).items()):
            other = others.get(decile)
            baseline = ["–", "–"] if hardest is None or other is None else [hardest.baseline, _value(other)]
            yield [_name(purpose), str(decile), f"{mine.n_users:,}", _value(mine), *baseline]


def _ages(outcomes: Outcomes, table: EvaluationTable) -> Iterator[_Age]:
    bootstrap = Bootstrap(resamples=table.resamples, level=table.level, seed=table.seed)
    ages = [group for group in user_groups(outcomes.window) if group.breakdown is Breakdown.AGE]
    for purpose, found in outcomes.by_purpose.items():
        hardest = _hardest(table, purpose)
        for age in ages:
            chosen = age.member[found.row]
            if hardest is None or not chosen.any():
                continue
            mine, other = (found.values(HEADLINE_METRIC, who)[chosen] for who in (outcomes.subject, hardest.baseline))
            difference, (low, high) = mean_difference(other, mine, bootstrap)
            means = [f"{np.mean(mine):.4f}", hardest.baseline, f"{np.mean(other):.4f}"]
            row = [_name(purpose), age.name, f"{len(mine):,}", *means, f"{difference:+.4f}", _span(low, high)]
            yield _Age(row=row, is_worse=high is not None and high < 0)


def _weak(table: EvaluationTable) -> Iterator[str]:
    """Yield a sentence for everything that a baseline does as well or better."""
    for row in table.differences:
        if (row.metric, row.k) == (HEADLINE_METRIC, headline_k(table)) and not row.better:
            word = "worse than" if row.worse else "not surely better than"
            yield f"{_name(row.purpose)}: it is {word} {row.baseline} ({row.value:+.4f})."
    for purpose in table.purposes:
        hardest = _hardest(table, purpose)
        mine, others = (_by_decile(table, purpose, who) for who in (table.subject, hardest.baseline if hardest else ""))
        behind = [
            str(decile) for decile in sorted(mine) if decile in others and mine[decile].value < others[decile].value
        ]
        if behind and hardest is not None:
            yield f"{_name(purpose)}: it is behind {hardest.baseline} in value deciles {', '.join(behind)}."


def _blend(data: ReportData) -> Iterator[tuple[str, list[Row]]]:
    """Yield for every purpose its weights by component, the heaviest feature of each first."""
    for purpose, weights in data.blend.items():
        by_component: dict[str, list[tuple[str, float]]] = {}
        for feature, weight in weights.items():
            component = FEATURES[feature].name.lower() if feature in FEATURES else _OUTSIDE
            by_component.setdefault(component, []).append((feature, weight))
        rows: list[Row] = []
        for component, members in by_component.items():
            members.sort(key=lambda member: -abs(member[1]))
            rows.append([component, ", ".join(f"{feature} {weight:+.3f}" for feature, weight in members)])
        if any(weights.values()):
            yield _name(Purpose(purpose)), rows


def _hardest(table: EvaluationTable, purpose: Purpose) -> Difference | None:
    wanted = (purpose, HEADLINE_METRIC, headline_k(table))
    rows = [row for row in table.differences if (row.purpose, row.metric, row.k) == wanted]
    return min(rows, key=lambda row: row.value, default=None)


def _by_decile(table: EvaluationTable, purpose: Purpose, ranker: str) -> dict[int, DecileFigure]:
    wanted = (ranker, purpose, HEADLINE_METRIC, headline_k(table))
    return {row.decile: row for row in table.deciles if (row.ranker, row.purpose, row.metric, row.k) == wanted}


def _value(figure: Figure) -> str:
    return f"{figure.value:.4f}{'' if figure.low is None else ' (' + _span(figure.low, figure.high, sign='') + ')'}"


def _span(low: float | None, high: float | None, *, sign: str = "+") -> str:
    return "–" if low is None or high is None else f"{low:{sign}.4f} to {high:{sign}.4f}"
