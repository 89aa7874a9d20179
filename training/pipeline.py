"""From a purchase log to a registered version: the whole way on one screen.

Training is a function of its sources, its parameters and its seed. "Now" is the end of the log, so a log
trained on today and next week gives the same bytes; the wall clock is seen only by the registry's journal.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from recommender.artifact import MANIFEST_FILE, save_artifact
from recommender.errors import InvalidArtifact
from recommender.evaluation_table import EvaluationTable
from recommender.manifest import Manifest
from recommender.model import Model
from recommender.outcomes import Outcomes
from training.backends import make_backend
from training.cleaning import CleaningReport, CleanLog, clean
from training.fingerprint import library_versions, run_fingerprint
from training.fitting import fit
from training.inputs import Sources, erased_users, find_sources
from training.loyalty.measuring import measure_loyalty
from training.loyalty.table import customers_path, save_customers
from training.mlflow_log import log_training, require_mlflow
from training.outcome_files import outcomes_path, save_outcomes
from training.progress import Progress
from training.quarantine import write_quarantine
from training.records import compare_with, describe_origin, describe_training, load_record
from training.registry import TRAINED, Registry
from training.rehearsal import Rehearsal, rehearse
from training.report import ReportData, write_record, write_report
from training.report.card import write_card
from training.settings import TrainingSettings
from training.sources.event_files import read_event_files
from training.sources.items import ItemRows, build_catalogue, left_out, read_items, with_unsold_items
from training.sources.log import LogRows, read_log
from training.steps import MeasuredProgress, StepRecord
from training.writing import writing_to


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A version, and how it came to be."""

    version: str
    directory: Path
    evaluation: EvaluationTable | None
    """None if there was nothing to measure; `why_unmeasured` says why."""
    cleaning: CleaningReport
    reused: bool
    """Whether nothing had changed since this version was trained."""
    steps: tuple[StepRecord, ...]
    """What each step cost when it was trained."""
    why_unmeasured: str | None


def train(settings: TrainingSettings, *, progress: Progress) -> TrainResult:
    """Train a version and register it; if nothing has changed since the last time, return that one.

    Raises
    ------
    InvalidInput
        If a source cannot be understood, or nothing in it can be learned from.
    ConfigError
        If the configuration names no purchase log.
    """
    require_mlflow(settings.mlflow)
    measured = MeasuredProgress(progress)
    backend = make_backend(settings.als)
    registry = Registry(artifacts_folder(settings))
    sources = find_sources(settings)
    libraries = library_versions(backend.libraries)

    with measured.step("look for changes"):
        inputs = {**settings.parameters(), "erased": sorted(erased_users(settings))}
        fingerprint = run_fingerprint(sources, inputs, libraries)
        done = _reusable(registry, fingerprint, settings)
    if done is not None:
        progress.message(f"nothing has changed since {done.version} was trained: it is reused")
        return _result(registry, done, reused=True)

    backend.prepare(measured)
    with threadpool_limits(limits=1, user_api="blas"):
        log, items = load(sources, settings, measured)
        now = log.interactions.time[-1] + np.timedelta64(1, "s")
        with progress.step("catalogue"):
            catalogue = build_catalogue(items, log.interactions, now=now)
        learned = rehearse(log.interactions, catalogue, settings, backend, now=now, progress=measured)
        model = fit(
            log.interactions,
            catalogue,
            settings,
            backend,
            now=now,
            progress=measured,
            blend=learned.blend,
            stage="final",
        )
    with measured.step("save"), writing_to(registry.root):
        provenance = describe_origin(log, catalogue, settings, libraries=libraries, evaluation=learned.evaluation)
        manifest = save_artifact(model, provenance, registry.root)

    record = _describe(manifest, model, log, settings, learned=learned, progress=measured)
    record = compare_with(registry.current(), record, reports_folder(settings))
    with writing_to(reports_folder(settings)):
        save_customers(model, record.version, reports_folder(settings))
    _keep(registry, record, learned.outcomes, settings, fingerprint=fingerprint, progress=progress)
    with progress.step("report"), writing_to(reports_folder(settings)):
        # Pages come last: whatever happens to a drawing, what was trained is not lost.
        write_card(record, manifest, learned.outcomes, reports_folder(settings))
        write_report(record, reports_folder(settings))
    files = _files(registry, record, settings)
    log_training(settings.mlflow, record, tags=_tags(manifest), files=files, progress=progress)
    return _result(registry, record, reused=False)


def _describe(
    manifest: Manifest,
    model: Model,
    log: CleanLog,
    settings: TrainingSettings,
    *,
    learned: Rehearsal,
    progress: MeasuredProgress,
) -> ReportData:
    with progress.step("customers"):
        loyalty = measure_loyalty(log.interactions, model)
    with progress.step("describe"):
        return describe_training(
            manifest, model, log, settings, learned=learned, loyalty=loyalty, steps=progress.records
        )


def load(sources: Sources, settings: TrainingSettings, progress: Progress) -> tuple[CleanLog, ItemRows]:
    """Read and clean the log, read the catalogue, and write the quarantine file."""
    with progress.step("read", total=3) as step:
        purchases = read_log(sources.purchases, settings.purchases, settings.cleaning)
        step.advance()
        events = read_event_files(sources.events, settings.cleaning)
        step.advance()
        items = read_items(sources.items, settings.items)
        step.advance()
        rows = LogRows.combine([purchases, events])
        step.note(f"{rows.n_read:,} rows, {items.rows.height:,} items")
    with progress.step("clean") as step:
        log = clean(
            rows,
            settings.cleaning,
            excluded=items.excluded,
            erased=erased_users(settings),
            time_zone=settings.purchases.time_zone,
        )
        with writing_to(settings.data_dir / "quarantine"):
            write_quarantine(log.refused, settings.data_dir / "quarantine" / "purchases.csv")
        step.note(f"{log.report.rows_kept:,} rows of {log.report.users:,} users kept")
    if settings.items.include_unsold:
        log = dataclasses.replace(log, interactions=with_unsold_items(log.interactions, items))
    if (said := left_out(items)) is not None:
        progress.message(said)
    return log, items


def artifacts_folder(settings: TrainingSettings) -> Path:
    """Return where versions are kept: the root of the `Registry`."""
    return settings.data_dir / "artifacts"


def reports_folder(settings: TrainingSettings) -> Path:
    """Return where the records and reports of versions are kept."""
    return settings.data_dir / "reports"


def _keep(
    registry: Registry,
    record: ReportData,
    outcomes: Outcomes | None,
    settings: TrainingSettings,
    *,
    fingerprint: str,
    progress: Progress,
) -> None:
    """Write the figures, and then note the training in the journal."""
    folder = reports_folder(settings)
    with writing_to(folder):
        write_record(record, folder)
        if outcomes is not None:
            with progress.step("keep figures by user"):
                save_outcomes(outcomes, record.version, folder)
    with writing_to(registry.root):
        registry.record(TRAINED, record.version, fingerprint=fingerprint, steps=[s.to_dict() for s in record.steps])


def _reusable(registry: Registry, fingerprint: str, settings: TrainingSettings) -> ReportData | None:
    entry = registry.trained(fingerprint)
    if entry is None:
        return None
    try:
        record = load_record(entry.version, reports_folder(settings))
    except InvalidArtifact:
        return None
    is_whole = record.evaluation is None or outcomes_path(record.version, reports_folder(settings)).is_file()
    return record if is_whole else None


def _tags(manifest: Manifest) -> dict[str, str]:
    """Return what a training is found by on an MLflow server."""
    commit = {} if manifest.git_commit is None else {"mlflow.source.git.commit": manifest.git_commit}
    return {**commit, "regulars.version": manifest.version, "regulars.data_fingerprint": manifest.data_fingerprint}


def _files(registry: Registry, record: ReportData, settings: TrainingSettings) -> list[Path]:
    """Return what a person may want to open: the manifest, and what was written about the version.

    The table of customers stays here: whoever asks to be forgotten is looked for in this data folder.
    """
    folder = reports_folder(settings)
    pages = sorted(set(folder.glob(f"{record.version}*")) - {customers_path(record.version, folder)})
    return [registry.get(record.version) / MANIFEST_FILE, *pages]


def _result(registry: Registry, record: ReportData, *, reused: bool) -> TrainResult:
    return TrainResult(
        version=record.version,
        directory=registry.get(record.version),
        evaluation=record.evaluation,
        cleaning=record.cleaning,
        reused=reused,
        steps=record.steps,
        why_unmeasured=record.why_unmeasured,
    )
