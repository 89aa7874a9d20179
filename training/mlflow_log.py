"""Trainings and searches on an MLflow tracking server: the one file that imports mlflow.

What is logged is what the report holds, so nothing is computed for it. The server is a copy for those who look there,
never a part of the work: if it is away, a sentence says so, and the version is as complete as without it. MLflow's own
patience with a server that is down is minutes; here it is seconds, unless its environment variables say otherwise.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from recommender.errors import MissingExtra
from recommender.evaluation_table import EvaluationTable, Figure
from training.mlflow_settings import MlflowSettings
from training.progress import Progress, Step
from training.report import ReportData

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from training.tuning.findings import Findings

PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""Set where the environment does not."""
MOST_PARAMS, MOST_METRICS, MOST_TEXT = 100, 1000, 500
"""What a server takes in one request, and characters of one parameter that every server takes."""

_STATUS = {"measured": "FINISHED", "given up": "KILLED", "failed": "FAILED"}


def require_mlflow(settings: MlflowSettings) -> None:
    """Refuse early, before anything is trained, if a server is named and the client is not installed.

    Raises
    ------
    MissingExtra
        If mlflow is not installed.
    """
    if settings.tracking_uri and importlib.util.find_spec("mlflow") is None:
        raise MissingExtra("logging to MLflow (tracking_uri in [mlflow])", extra="mlflow")


def log_training(
    settings: MlflowSettings,
    record: ReportData,
    *,
    tags: Mapping[str, str],
    files: Sequence[Path],
    progress: Progress,
) -> None:
    """Log a training: parameters, figures, tags and files; does nothing without a server."""
    if not settings.tracking_uri:
        return
    with progress.step("log to MLflow") as step:
        try:
            run = _Run.start(settings, record.version, {"regulars.kind": "training", **tags})
            run.params(dict(_flat(record.parameters)))
            if record.evaluation is not None:
                run.metrics(dict(_figures(record.evaluation)))
            run.metrics({f"seconds/{_name(cost.name)}": cost.seconds for cost in record.steps})
            run.files(files)
            run.end("FINISHED")
        except Exception as error:  # noqa: BLE001  whatever a foreign server does, the training is done
            _excuse(settings, error, progress, step)


def log_search(settings: MlflowSettings, findings: Findings, *, files: Sequence[Path], progress: Progress) -> None:
    """Log the new trials of a search as runs below one run; does nothing without a server or without new trials."""
    if not settings.tracking_uri or not findings.n_new:
        return
    with progress.step("log to MLflow", total=findings.n_new) as step:
        try:
            whole = _Run.start(settings, f"search {findings.name}", {"regulars.kind": "search"})
            if findings.best is not None:
                whole.params(findings.best.values)
                whole.metrics({"score": findings.best.score or 0.0, **_by_purpose(findings.best.ndcg, findings.k)})
            for trial in findings.trials[-findings.n_new :]:
                tags = {"mlflow.parentRunId": whole.id, "regulars.outcome": trial.outcome.value}
                run = _Run.start(settings, f"trial {trial.number}", tags)
                run.params(trial.values)
                score = {} if trial.score is None else {"score": trial.score}
                run.metrics({**score, **_by_purpose(trial.ndcg, findings.k), "seconds": trial.seconds})
                run.end(_STATUS[trial.outcome.value])
                step.advance()
            whole.files(files)
            whole.end("FINISHED")
        except Exception as error:  # noqa: BLE001  whatever a foreign server does, the search is done
            _excuse(settings, error, progress, step)


class _Run:
    """One run on the server."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client = client
        self.id = run_id

    @classmethod
    def start(cls, settings: MlflowSettings, name: str, tags: Mapping[str, str]) -> _Run:
        """Begin a run, in the experiment of the settings."""
        for variable, value in PATIENCE.items():
            os.environ.setdefault(variable, value)
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=settings.tracking_uri)
        experiment = client.get_experiment_by_name(settings.experiment)
        number = client.create_experiment(settings.experiment) if experiment is None else experiment.experiment_id
        return cls(client, client.create_run(number, run_name=name, tags=dict(tags)).info.run_id)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters."""
        from mlflow.entities import Param

        params = [Param(_name(key), str(value)[:MOST_TEXT]) for key, value in values.items()]
        for batch in _batches(params, MOST_PARAMS):
            self._client.log_batch(self.id, params=batch)

    def metrics(self, values: Mapping[str, float]) -> None:
        """Log figures."""
        from mlflow.entities import Metric

        metrics = [Metric(key, value, 0, 0) for key, value in values.items()]
        for batch in _batches(metrics, MOST_METRICS):
            self._client.log_batch(self.id, metrics=batch)

    def files(self, files: Iterable[Path]) -> None:
        """Upload those of the files that are there."""
        for file in files:
            if file.is_file():
                self._client.log_artifact(self.id, str(file))

    def end(self, status: str) -> None:
        """Say how it ended."""
        self._client.set_terminated(self.id, status)


def _excuse(settings: MlflowSettings, error: Exception, progress: Progress, step: Step) -> None:
    """Say that the server did not take it, without the password of its address."""
    place = urlsplit(settings.tracking_uri)
    said = (str(error).splitlines() or [type(error).__name__])[0]
    secret, at, _ = place.netloc.rpartition("@")
    said = said.replace(f"{secret}{at}", "") if secret else said
    where = place.netloc.rpartition("@")[2] or settings.tracking_uri
    step.note("failed")
    progress.message(f"MLflow at {where} did not take it: {said[:300]}. Everything else is done")


def _figures(table: EvaluationTable) -> Iterator[tuple[str, float]]:
    """Yield a name and a value for each figure of each ranker, with the ends of its interval."""
    for figure in table.figures:
        name = _metric_name(figure, table.subject)
        yield name, figure.value
        if figure.low is not None and figure.high is not None:
            yield f"{name}/low", figure.low
            yield f"{name}/high", figure.high
    for row in table.differences:
        name = f"{row.purpose.value}/{row.metric}_at_{row.k}/minus/{_name(row.baseline)}"
        yield name, row.value
        if row.low is not None and row.high is not None:
            yield f"{name}/low", row.low
            yield f"{name}/high", row.high


def _metric_name(figure: Figure, subject: str) -> str:
    """Return a name of the characters MLflow allows; the model's own figures come without its name."""
    name = f"{figure.purpose.value}/{figure.metric}_at_{figure.k}"
    return name if figure.ranker == subject else f"{_name(figure.ranker)}/{name}"


def _by_purpose(ndcg: Mapping[str, float], k: int) -> dict[str, float]:
    return {f"{purpose}/ndcg_at_{k}": value for purpose, value in ndcg.items()}


def _name(text: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "_-./") else "_" for char in text)


def _flat(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in parameters.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _batches(entries: Sequence[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(entries)
    while batch := list(itertools.islice(rest, size)):
        yield batch
