"""What is kept about a training beside its artifact: figures, cleaning, and what each step cost.

It is the content of the report, one JSON file per version under `reports/`: the command line prints it, the
gate judges it, the report draws it. It may hold durations and memory; the artifact may not, since the same
data must give the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recommender.catalogue import Catalogue
from recommender.errors import InvalidArtifact
from recommender.evaluation_table import EvaluationTable
from recommender.manifest import Manifest, Provenance
from recommender.model import Model
from recommender.purpose import Purpose
from training.cleaning import CleanLog
from training.examples import examples_of
from training.fingerprint import log_fingerprint
from training.loyalty.figures import LoyaltyFigures
from training.program import git_commit
from training.rehearsal import Rehearsal
from training.report import ReportData, ShopFacts
from training.settings import TrainingSettings
from training.steps import StepRecord


def load_record(version: str, folder: Path) -> ReportData:
    """Read what is kept about `version` in `folder`.

    Raises
    ------
    InvalidArtifact
        If it is missing or cannot be understood.
    """
    path = folder / f"{version}.json"
    try:
        return ReportData.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InvalidArtifact(f"{path} does not exist; train again to measure {version}") from None
    except (ValueError, TypeError) as error:
        raise InvalidArtifact(f"{path} cannot be understood ({error}); delete it and train again") from None


def describe_training(
    manifest: Manifest,
    model: Model,
    log: CleanLog,
    settings: TrainingSettings,
    *,
    learned: Rehearsal,
    loyalty: LoyaltyFigures,
    steps: Sequence[StepRecord],
) -> ReportData:
    """Return what is kept about the training of `model`."""
    return ReportData(
        shop=settings.shop.name,
        version=manifest.version,
        as_of=manifest.as_of,
        cleaning=log.report,
        facts=ShopFacts.from_interactions(log.interactions, model.customers),
        blend={purpose.value: model.blend.named(purpose) for purpose in Purpose},
        steps=tuple(steps),
        parameters=manifest.parameters,
        libraries=manifest.libraries,
        evaluation=learned.evaluation,
        variety=learned.variety,
        loyalty=loyalty,
        examples=examples_of(model),
    )


def compare_with(version: str | None, record: ReportData, folder: Path) -> ReportData:
    """Return `record` with the figures of `version`, the one that is served, beside its own."""
    if version is None or version == record.version:
        return record
    try:
        evaluation = load_record(version, folder).evaluation
    except InvalidArtifact:
        evaluation = None
    return dataclasses.replace(record, previous_version=version, previous=evaluation)


def describe_origin(
    log: CleanLog,
    catalogue: Catalogue,
    settings: TrainingSettings,
    *,
    libraries: Mapping[str, str],
    evaluation: EvaluationTable | None,
) -> Provenance:
    """Return what an artifact says about where it comes from: nothing that depends on the day or the
    machine.
    """
    report = log.report
    return Provenance(
        data_fingerprint=log_fingerprint(log.interactions, catalogue),
        rows={
            "interactions": report.rows_kept,
            "users": report.users,
            "items": report.items,
            "orders": report.orders,
        },
        parameters=settings.parameters(),
        metrics={} if evaluation is None else _headline(evaluation),
        libraries=libraries,
        git_commit=git_commit(),
    )


def _headline(evaluation: EvaluationTable) -> dict[str, Any]:
    """Return the figures by ranker, purpose and metric, without their intervals."""
    figures: dict[str, Any] = {}
    for figure in evaluation.figures:
        by_purpose = figures.setdefault(figure.ranker, {}).setdefault(figure.purpose.value, {})
        by_purpose[f"{figure.metric}@{figure.k}"] = figure.value
    return {"subject": evaluation.subject, "cut": evaluation.cut, "figures": figures}
