"""From the content of a report to one HTML file that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from recommender.evaluation_table import EvaluationTable
from recommender.purpose import Purpose
from training.report.accuracy import accuracy_figures, all_metrics
from training.report.data import ReportData
from training.report.findings import HEADLINE_METRIC, Finding, answer, findings, headline_k
from training.report.glossary import METRICS, PURPOSES, SLATE_METRICS, TERMS, metric_label
from training.report.loyalty import customers_of
from training.report.shop import blend_figure, shop_figures
from training.report.stories import story
from training.report.tables import Table, number
from training.report.variety import shown_finding, slates_of

_FOLDER = Path(__file__).parent


def render(data: ReportData) -> str:
    """Return the page. Same data, same bytes; every text in `data` is escaped."""
    table = data.evaluation
    return _template().render(
        data=data,
        css=Markup((_FOLDER / "report.css").read_text(encoding="utf-8")),  # noqa: S704  # our own file
        table=table,
        findings=_cards(data),
        answer=answer(table) if table else "",
        accuracy=list(accuracy_figures(table, with_variety=data.variety is None)) if table else [],
        metric_tables=[all_metrics(table, purpose) for purpose in table.purposes] if table else [],
        previous=_against_previous(data),
        shop=list(shop_figures(data.cleaning, data.facts)),
        blend=blend_figure(data.blend),
        slates=slates_of(data.variety, settings=data.parameters.get("slates", {})) if data.variety else None,
        customers=customers_of(data.loyalty) if data.loyalty else None,
        stories=[story(example, today=data.as_of[:10]) for example in data.examples],
        slowest=max((step.seconds for step in data.steps), default=0) or 1,
        largest=max((step.peak_mb for step in data.steps), default=0) or 1,
        total_seconds=sum(step.seconds for step in data.steps),
        parameters=list(_flat(data.parameters)),
        glossary=sorted(dict([*TERMS.items(), *METRICS.values(), *SLATE_METRICS.values()]).items(), key=_by_letters),
    )


def write_report(data: ReportData, folder: Path) -> Path:
    """Write ``<version>.html`` and, to draw it again, ``<version>.json`` into `folder`; return the page's path."""
    write_record(data, folder)
    page = folder / f"{data.version}.html"
    page.write_text(render(data), encoding="utf-8")
    return page


def write_record(data: ReportData, folder: Path) -> Path:
    """Write ``<version>.json`` into `folder`, from which the page can be drawn, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(data.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    record = folder / f"{data.version}.json"
    record.write_text(content + "\n", encoding="utf-8")
    return record


def _cards(data: ReportData) -> list[Finding]:
    """Return the cards on top: a verdict per purpose, and what is shown in the end."""
    cards = findings(data.evaluation) if data.evaluation else []
    shown = shown_finding(data.variety) if cards and data.variety else None
    return cards if shown is None else [*cards, shown]


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def _against_previous(data: ReportData) -> Table | None:
    """Return the subject's headline figures beside those of the published version, where both were measured."""
    if data.evaluation is None or data.previous is None:
        return None
    now, before = data.evaluation, data.previous
    rows = []
    for purpose in now.purposes:
        for metric in (HEADLINE_METRIC, "recall"):
            ours, theirs = (_subject_value(table, purpose, metric, headline_k(now)) for table in (now, before))
            change = "–" if ours is None or theirs is None else f"{ours - theirs:+.4f}"
            label = metric_label(metric, headline_k(now))
            rows.append([PURPOSES[purpose], label, number(ours), number(theirs), change])
    return Table.of(
        f"Beside the published version {data.previous_version or ''}".rstrip(),
        ["Lists of", "Metric", "This version", "Published", "Change"],
        rows,
    )


def _subject_value(table: EvaluationTable, purpose: Purpose, metric: str, k: int) -> float | None:
    try:
        return table.figure(table.subject, purpose, metric, k).value
    except KeyError:
        return None


def _by_letters(entry: tuple[str, str]) -> str:
    return entry[0].casefold()


def _flat(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield dotted keys and values as text, such as ``("als.factors", "64")``."""
    for key, value in parameters.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
