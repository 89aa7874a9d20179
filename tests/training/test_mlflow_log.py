"""What an MLflow server is told of a training and a search, and what happens when it is away."""

from __future__ import annotations

import socket
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import MissingExtra
from tests.planted import PlantedShop
from tests.training.log_files import write_purchases
from tests.training.test_pipeline import COLUMNS, Heard
from tests.training.tuning.test_page import FOUND
from training.mlflow_log import log_search, require_mlflow
from training.mlflow_settings import MlflowSettings
from training.pipeline import train
from training.progress import SilentProgress
from training.settings import TrainingSettings

NEEDS_MLFLOW = pytest.mark.skipif(find_spec("mlflow") is None, reason="the extra mlflow is not installed")


def settings_for(folder: Path, log: Any, uri: str) -> TrainingSettings:
    """Settings for `log` in `folder`, logged at `uri`."""
    write_purchases(log, folder / "log.parquet")
    return TrainingSettings.model_validate(
        {
            "folder": folder,
            "purchases": {"paths": "log.parquet", "columns": COLUMNS},
            "als": {"factors": 4, "iterations": 2},
            "evaluation": {"bootstrap": 20},
            "mlflow": {"tracking_uri": uri, "experiment": "tea & 空"},
        }
    )


@pytest.fixture
def server(tmp_path: Path) -> Any:
    """A client of a real tracking store: the one `mlflow server` keeps, in a file."""
    pytest.importorskip("sqlalchemy", reason="the extra tune is not installed")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    client.create_experiment("tea & 空", artifact_location=(tmp_path / "runs").as_uri())
    return client


def runs_of(client: Any) -> list[Any]:
    """Every run of the experiment, the first one first."""
    number = client.get_experiment_by_name("tea & 空").experiment_id
    return sorted(client.search_runs([number]), key=lambda run: int(run.info.start_time))


@NEEDS_MLFLOW
@pytest.mark.filterwarnings("ignore")
def test_training_is_logged(server: Any, planted_shop: PlantedShop, tmp_path: Path) -> None:
    """Parameters, figures with intervals of every ranker, tags and files; a training that is reused is not logged."""
    settings = settings_for(tmp_path, planted_shop.log, f"sqlite:///{tmp_path / 'mlflow.db'}")
    result = train(settings, progress=SilentProgress())
    assert train(settings, progress=SilentProgress()).reused
    (run,) = runs_of(server)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == result.version == run.data.tags["regulars.version"]
    assert run.data.params["als.factors"] == "4"
    assert not any("mlflow" in name for name in run.data.params)
    assert result.evaluation is not None
    for figure in result.evaluation.figures:
        ranker = "" if figure.ranker == "regulars" else f"{figure.ranker.replace(' ', '_')}/"
        name = f"{ranker}{figure.purpose.value}/{figure.metric}_at_{figure.k}"
        assert run.data.metrics[name] == figure.value
        assert figure.low is None or run.data.metrics[f"{name}/low"] == figure.low
    files = {file.path for file in server.list_artifacts(run.info.run_id)}
    assert files >= {"manifest.json", f"{result.version}.html", f"{result.version}.json"}
    assert not any("customers" in file for file in files)


@NEEDS_MLFLOW
@pytest.mark.filterwarnings("ignore")
def test_search_is_logged_as_nested_runs(server: Any, tmp_path: Path) -> None:
    """One run for the search, one below it for each new trial, with how it ended."""
    page = tmp_path / "page.html"
    page.write_text("page")
    settings = MlflowSettings(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}", experiment="tea & 空")
    log_search(settings, FOUND, files=[page, tmp_path / "none"], progress=SilentProgress())
    runs = {run.info.run_name: run for run in runs_of(server)}
    whole = runs.pop(f"search {FOUND.name}")
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {whole.info.run_id}
    assert [runs[f"trial {number}"].info.status for number in (1, 2, 3, 4)] == [
        "FINISHED",
        "FAILED",
        "KILLED",
        "FINISHED",
    ]
    assert runs["trial 4"].data.params["als.factors"] == "96"
    assert whole.data.metrics["score"] == 2.5
    assert [file.path for file in server.list_artifacts(whole.info.run_id)] == ["page.html"]


@NEEDS_MLFLOW
@pytest.mark.filterwarnings("ignore")
def test_a_server_that_is_away_costs_a_sentence(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """Nobody listens: the version is there, a sentence says so without the password, and it takes seconds."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        uri = f"http://ann:hunter2@127.0.0.1:{taken.getsockname()[1]}"
        heard = Heard()
        start = time.monotonic()
        settings = settings_for(tmp_path, planted_shop.log, uri)
        result = train(settings, progress=heard)
        assert time.monotonic() - start < 60
    assert (result.directory / "manifest.json").is_file()
    (said,) = [message for message in heard.messages if "MLflow" in message]
    assert said.startswith(f"MLflow at 127.0.0.1:{uri.rpartition(':')[2]} did not take it: ")
    assert "hunter2" not in said
    assert train(settings, progress=SilentProgress()).reused


def test_missing_client_is_said_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is named and the client is not installed: the message names the extra; without a server all is well."""
    require_mlflow(MlflowSettings())
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    require_mlflow(MlflowSettings())
    with pytest.raises(MissingExtra, match=r"regulars\[mlflow\]"):
        require_mlflow(MlflowSettings(tracking_uri="http://mlflow:5000"))
