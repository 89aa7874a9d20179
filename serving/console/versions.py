"""The versions there are, how good each was when it was measured, and when it was published.

Read from what training leaves: the manifest in each artifact, ``journal.jsonl`` beside them, and the reports' records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recommender.artifact import MANIFEST_FILE
from recommender.errors import InvalidArtifact
from recommender.manifest import VERSION_NAME, Manifest

JOURNAL_FILE = "journal.jsonl"
SHOWN = 50
"""Versions that are listed, the latest first."""
MAX_BYTES = 16 * 2**20
"""Of a file that is read; a larger one is not what training writes."""

MEASURED = (
    ("all", "ndcg", "nDCG, all items"),
    ("new", "ndcg", "nDCG, new to them"),
    ("again", "ndcg", "nDCG, again"),
    ("all", "coverage", "Coverage"),
)
"""Purpose, metric and how the table calls it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure with its interval, where there is one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a version."""

    at: str
    """ISO 8601, UTC."""
    what: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version."""

    name: str
    as_of: str
    rows: Mapping[str, int]
    trained_at: str | None
    published_at: str | None
    """Last."""
    k: int
    figures: Mapping[tuple[str, str], Measured]
    """By purpose and metric."""
    report: str | None
    """Name of the HTML report."""
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """All of them."""

    versions: tuple[Version, ...]
    """The latest trained first."""
    n_versions: int
    moments: tuple[Moment, ...]
    """The latest first."""
    marked: str | None
    """The version that ``CURRENT`` names."""


@dataclass(slots=True)
class _Dates:
    trained: dict[str, str] = field(default_factory=dict)
    published: dict[str, str] = field(default_factory=dict)


def registered(artifacts: Path, reports: Path) -> Registered:
    """Read everything. Takes some milliseconds for each version: runs in a thread."""
    moments = _journal(artifacts / JOURNAL_FILE)
    dates = _Dates()
    for moment in moments:
        if moment.what == "trained":
            dates.trained[moment.version] = moment.at
        elif moment.what in {"published", "rolled_back", "challenger"}:
            dates.published[moment.version] = moment.at
    found = _found(artifacts)
    found.sort(key=lambda name: (dates.trained.get(name, ""), name), reverse=True)
    return Registered(
        versions=tuple(_version(artifacts, reports, name, dates) for name in found[:SHOWN]),
        n_versions=len(found),
        moments=tuple(reversed(moments[-SHOWN:])),
        marked=_marked(artifacts),
    )


def report_of(reports: Path, name: str) -> Path | None:
    """Return the report called `name`; None if there is none of that name, or it is no name of a report."""
    stem, _, kind = name.rpartition(".")
    if kind not in ("html", "md") or not VERSION_NAME.fullmatch(stem):
        return None
    path = reports / name
    return path if path.is_file() and not path.is_symlink() else None


def _found(artifacts: Path) -> list[str]:
    try:
        names = [path.name for path in artifacts.iterdir()]
    except OSError:
        return []
    return [name for name in names if VERSION_NAME.fullmatch(name) and (artifacts / name / MANIFEST_FILE).is_file()]


def _version(artifacts: Path, reports: Path, name: str, dates: _Dates) -> Version:
    problem, as_of, rows, metrics = None, "", {}, {}
    try:
        path = artifacts / name / MANIFEST_FILE
        manifest = Manifest.from_json(_text(path), where=f"{name}/{MANIFEST_FILE}")
        as_of, rows, metrics = manifest.as_of, dict(manifest.rows), dict(manifest.metrics)
    except (InvalidArtifact, OSError, ValueError) as error:
        problem = str(error) if isinstance(error, InvalidArtifact) else "its manifest cannot be read"
    figures = _of_manifest(metrics) | _of_record(reports / f"{name}.json")
    return Version(
        name=name,
        as_of=as_of,
        rows=rows,
        trained_at=dates.trained.get(name),
        published_at=dates.published.get(name),
        k=_k_of(metrics),
        figures=figures,
        report=f"{name}.html" if report_of(reports, f"{name}.html") else None,
        problem=problem,
    )


def _of_manifest(metrics: Mapping[str, Any]) -> dict[tuple[str, str], Measured]:
    """Return the figures without intervals."""
    found: dict[tuple[str, str], Measured] = {}
    try:
        for purpose, values in metrics["figures"][metrics["subject"]].items():
            for name, value in values.items():
                found[purpose, name.partition("@")[0]] = Measured(float(value))
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
    return found


def _of_record(path: Path) -> dict[tuple[str, str], Measured]:
    """Return the figures with intervals, from the record beside a report."""
    try:
        evaluation = json.loads(_text(path))["evaluation"]
        return {
            (figure["purpose"], figure["metric"]): Measured(figure["value"], figure.get("low"), figure.get("high"))
            for figure in evaluation["figures"]
            if figure["ranker"] == evaluation["subject"]
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _k_of(metrics: Mapping[str, Any]) -> int:
    try:
        names = metrics["figures"][metrics["subject"]]["all"]
        return next(int(name.partition("@")[2]) for name in names)
    except (KeyError, TypeError, ValueError, StopIteration):
        return 10


def _journal(path: Path) -> list[Moment]:
    try:
        lines = _text(path).splitlines()
    except (OSError, ValueError):
        return []
    moments = []
    for line in lines:
        try:
            entry = json.loads(line)
            moments.append(Moment(str(entry["at"]), str(entry["event"]), str(entry["version"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return moments


def _marked(artifacts: Path) -> str | None:
    try:
        return _text(artifacts / "CURRENT").strip() or None
    except (OSError, ValueError):
        return None


def _text(path: Path) -> str:
    """Return the content of a file.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is too long or no text.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path.name} is too long")
    return content.decode()
