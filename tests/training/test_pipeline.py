"""From a purchase log to a registered version."""

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recommender.artifact import load_artifact
from recommender.diversity import Variety
from recommender.engine import Engine
from recommender.errors import ConfigError, EmptyLog, InvalidInput
from recommender.interactions import Interactions
from recommender.purpose import Purpose
from recommender.request import SlateRequest
from tests.planted import PlantedShop
from tests.training.log_files import write_purchases
from training.inputs import find_sources
from training.outcome_files import load_outcomes, outcomes_path
from training.pipeline import TrainResult, artifacts_folder, load, reports_folder, train
from training.progress import SilentProgress, SilentStep, Step
from training.records import load_record
from training.registry import JOURNAL_FILE, TRAINED, Registry
from training.settings import TrainingSettings
from training.variety import DIALS, RANKED, SHOWN

COLUMNS = {"user": "user", "item": "item", "order": "order", "quantity": "quantity", "amount": "amount", "time": "time"}


class Heard(SilentProgress):
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.messages: list[str] = []

    def step(self, name: str, *, total: int | None = None) -> AbstractContextManager[Step]:
        """Note the name."""
        self.steps.append(name)
        return nullcontext(SilentStep())

    def message(self, text: str) -> None:
        """Note the text."""
        self.messages.append(text)


def settings_for(folder: Path, **sections: Any) -> TrainingSettings:
    """Settings for a small log in `folder`."""
    small = {"purchases": {"paths": "log.parquet", "columns": COLUMNS}, "als": {"factors": 8, "iterations": 4}}
    return TrainingSettings.model_validate({"folder": folder, "evaluation": {"bootstrap": 20}} | small | sections)


def train_on(log: Interactions, folder: Path, progress: SilentProgress | None = None, **sections: Any) -> TrainResult:
    """Write `log` into `folder` and train on it."""
    write_purchases(log, folder / "log.parquet")
    return train(settings_for(folder, **sections), progress=progress or SilentProgress())


@pytest.fixture(scope="module")
def trained(planted_shop: PlantedShop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainResult]:
    """The planted shop, trained once."""
    folder = tmp_path_factory.mktemp("shop")
    return folder, train_on(planted_shop.log, folder)


def test_version_is_complete(trained: tuple[Path, TrainResult]) -> None:
    """The artifact loads, its manifest tells where it comes from, the journal tells what it cost."""
    folder, result = trained
    manifest = load_artifact(result.directory).manifest
    assert manifest.version == result.version
    assert manifest.rows["interactions"] == result.cleaning.rows_kept
    assert manifest.parameters["als"]["factors"] == 8
    assert manifest.metrics["figures"]["regulars"]["all"]["ndcg@10"] > 0
    assert "implicit" in manifest.libraries
    (entry,) = Registry(artifacts_folder(settings_for(folder))).journal()
    assert (entry.event, entry.version) == (TRAINED, result.version)
    assert [step["name"] for step in entry.details["steps"]] == [step.name for step in result.steps]


def test_what_the_catalogue_loses_is_said(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """A row whose id no item may have is a sentence that stays, and no error."""
    write_purchases(planted_shop.log, tmp_path / "log.parquet")
    pl.DataFrame({"id": ["空", "bad\x07"]}).write_parquet(tmp_path / "items.parquet")
    settings, heard = settings_for(tmp_path, items={"paths": "items.parquet", "id": "id"}), Heard()
    log, _ = load(find_sources(settings), settings, heard)
    (said,) = heard.messages
    assert said.startswith(r"1 row of the catalogue is left out because of the id, such as 'bad\x07'")
    assert "空" in log.interactions.items


def test_artifact_knows_nothing_of_this_machine(trained: tuple[Path, TrainResult]) -> None:
    """Neither paths nor durations nor the time of day are in the manifest."""
    folder, result = trained
    text = (result.directory / "manifest.json").read_text(encoding="utf-8")
    assert str(folder) not in text
    assert "seconds" not in text
    assert "log.parquet" not in text


def test_model_beats_what_everybody_could_write(trained: tuple[Path, TrainResult]) -> None:
    """On the planted shop the model is above popularity for all items and for new ones."""
    _, result = trained
    assert result.evaluation is not None
    for purpose in Purpose:
        model, popularity = (
            result.evaluation.figure(ranker, purpose, "ndcg", 10).value for ranker in ("regulars", "popularity")
        )
        assert model > popularity


def test_record_is_kept(trained: tuple[Path, TrainResult]) -> None:
    """Figures, cleaning and steps can be read again without training."""
    folder, result = trained
    record = load_record(result.version, reports_folder(settings_for(folder)))
    assert (record.evaluation, record.cleaning, record.steps) == (result.evaluation, result.cleaning, result.steps)
    assert (reports_folder(settings_for(folder)) / f"{result.version}.html").is_file()
    assert result.version in (reports_folder(settings_for(folder)) / f"{result.version}.md").read_text(encoding="utf-8")


def test_what_each_list_was_worth_is_kept(trained: tuple[Path, TrainResult]) -> None:
    """The figures by user are those of the evaluation, for the model and every baseline."""
    folder, result = trained
    outcomes = load_outcomes(result.version, reports_folder(settings_for(folder)))
    assert result.evaluation is not None
    for purpose in result.evaluation.purposes:
        assert "popularity" in outcomes.by_purpose[purpose].rankers
        for ranker in outcomes.by_purpose[purpose].rankers:
            mean = outcomes.values(purpose, "ndcg", ranker).mean()
            assert mean == pytest.approx(result.evaluation.figure(ranker, purpose, "ndcg", 10).value, abs=2e-6)


def test_slates_are_settled_by_the_configuration(trained: tuple[Path, TrainResult], tmp_path: Path) -> None:
    """What is configured is in the artifact, what it costs is in the record, and the page shows customers."""
    folder, result = trained
    record = load_record(result.version, reports_folder(settings_for(folder)))
    assert load_artifact(result.directory).model.variety == Variety(diversity=0.2, category_cap=4, one_per_title=True)
    assert record.variety is not None
    assert {row.dial for row in record.variety.tradeoff} == {None, *DIALS}
    assert {SHOWN, RANKED} < {row.ranker for row in record.variety.slates}
    assert len(record.examples) > 1
    (tmp_path / "log.parquet").write_bytes((folder / "log.parquet").read_bytes())
    settings = settings_for(tmp_path, slates={"diversity": 0.0, "category_cap": 0, "one_per_title": False})
    other = train(settings, progress=SilentProgress())
    assert other.version != result.version
    assert load_artifact(other.directory).model.variety == Variety(0.0, category_cap=None, one_per_title=False)


def test_nothing_changed_nothing_done(trained: tuple[Path, TrainResult]) -> None:
    """A second run finds the version, says so, and reads nothing."""
    folder, result = trained
    heard = Heard()
    again = train(settings_for(folder), progress=heard)
    assert again.reused
    assert (again.version, again.evaluation, again.steps) == (result.version, result.evaluation, result.steps)
    assert heard.steps == ["look for changes"]
    assert result.version in heard.messages[0]


def test_lost_record_means_training_again(trained: tuple[Path, TrainResult], tmp_path: Path) -> None:
    """A version whose figures are gone is trained again, to the same bytes."""
    folder, result = trained
    path = reports_folder(settings_for(folder)) / f"{result.version}.json"
    content = path.read_text()
    path.write_text(content[:100])
    again = train(settings_for(folder), progress=SilentProgress())
    assert (again.reused, again.version) == (False, result.version)
    assert json.loads(path.read_text())["version"] == result.version


def test_lost_outcomes_mean_training_again(trained: tuple[Path, TrainResult]) -> None:
    """A version of which the figures by user are gone is trained again, and has them."""
    folder, result = trained
    path = outcomes_path(result.version, reports_folder(settings_for(folder)))
    path.unlink()
    again = train(settings_for(folder), progress=SilentProgress())
    assert (again.reused, again.version) == (False, result.version)
    assert path.is_file()


def test_same_log_in_another_order_same_bytes(
    trained: tuple[Path, TrainResult], planted_shop: PlantedShop, tmp_path: Path
) -> None:
    """Rows shuffled, split over two files in another format, on another path: the same version, byte for
    byte.
    """
    _, result = trained
    write_purchases(planted_shop.log, tmp_path / "log.parquet")
    rows = pl.read_parquet(tmp_path / "log.parquet").sample(fraction=1.0, shuffle=True, seed=1)
    rows.head(len(rows) // 2).write_csv(tmp_path / "a.csv")
    rows.tail(len(rows) - len(rows) // 2).write_ndjson(tmp_path / "b.jsonl")
    settings = settings_for(tmp_path, purchases={"paths": ["b.jsonl", "*.csv"], "columns": COLUMNS})
    other = train(settings, progress=SilentProgress())
    assert other.version == result.version
    for file in result.directory.iterdir():
        assert (other.directory / file.name).read_bytes() == file.read_bytes(), file.name


def test_other_seed_other_version(planted_shop: PlantedShop, trained: tuple[Path, TrainResult], tmp_path: Path) -> None:
    """A changed parameter is another version beside the first."""
    other = train_on(planted_shop.log, tmp_path, als={"factors": 8, "iterations": 4, "seed": 1})
    assert other.version != trained[1].version


def test_events_are_learned_from(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """What serving wrote under the data folder is part of the log."""
    log = planted_shop.log.between(None, planted_shop.log.time[0] + np.timedelta64(60, "D"))
    (tmp_path / "data" / "events").mkdir(parents=True)
    event = {"event_id": "e1", "user_id": "new/空", "item_id": log.items.ids[0], "event": "click"}
    line = json.dumps(event | {"time": str(log.time[-1]) + "Z"})
    (tmp_path / "data" / "events" / "1.jsonl").write_text(line + "\n")
    result = train_on(log, tmp_path)
    assert "new/空" in load_artifact(result.directory).model.users
    assert result.cleaning.files == ("log.parquet", "events/1.jsonl")


def test_tiny_logs_train(tiny_log: Interactions, tmp_path: Path) -> None:
    """One row, one user, one item, one day, guests only: a model that answers, and a sentence for what is
    missing.
    """
    heard = Heard()
    result = train_on(tiny_log, tmp_path, progress=heard, gate={"allow_unevaluated": True})
    model = load_artifact(result.directory).model
    assert len(model.items) == result.cleaning.items
    if result.evaluation is None:
        assert any(message.startswith("evaluation is skipped: ") for message in heard.messages)
    slate = Engine(model, version=result.version).recommend(
        SlateRequest(user_id=None), now=model.as_of, slate_id="s", created_at=model.as_of.astype(object)
    )
    assert slate.items


def test_hostile_log_trains(hostile_log: Interactions, tmp_path: Path) -> None:
    """Ids that break naive programs go through the whole of training unchanged."""
    result = train_on(hostile_log, tmp_path)
    assert load_artifact(result.directory).model.users.ids == hostile_log.relabel().users.ids


def test_cut_outside_the_log(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """A cut after the end costs the evaluation, not the model."""
    log = planted_shop.log.between(None, planted_shop.log.time[0] + np.timedelta64(60, "D"))
    heard = Heard()
    result = train_on(log, tmp_path, heard, evaluation={"cut": "2099-01-01"})
    assert result.evaluation is None
    assert "Choose a cut inside it" in heard.messages[0]
    assert result.why_unmeasured
    assert result.why_unmeasured.startswith("cut in [evaluation] is 2099-01-01, outside the log, which runs from ")


def test_no_log_is_named(tmp_path: Path) -> None:
    """The message says which key is missing."""
    with pytest.raises(ConfigError, match=r"set paths in \[purchases\]"):
        train(TrainingSettings(folder=tmp_path), progress=SilentProgress())


def test_empty_log_leaves_nothing(tmp_path: Path) -> None:
    """A header without rows is refused before anything is written."""
    (tmp_path / "log.csv").write_text("user,item,order,quantity,amount,time\n")
    settings = settings_for(tmp_path, purchases={"paths": "log.csv", "columns": COLUMNS})
    with pytest.raises(EmptyLog, match=r"log.csv: there are no rows"):
        train(settings, progress=SilentProgress())
    assert Registry(artifacts_folder(settings)).versions() == []


def test_quarantine_is_written(tmp_path: Path, checkerboard: Interactions) -> None:
    """Rows without sense are in a file below the data folder."""
    write_purchases(checkerboard, tmp_path / "log.parquet")
    (tmp_path / "more.csv").write_text("user,item,order,quantity,amount,time\nann,tea,o1,NaN,1,2024-01-01\n")
    settings = settings_for(tmp_path, purchases={"paths": ["log.parquet", "more.csv"], "columns": COLUMNS})
    result = train(settings, progress=SilentProgress())
    assert result.cleaning.quarantined == {"the quantity is not a number": 1}
    assert "more.csv,2" in (tmp_path / "data" / "quarantine" / "purchases.csv").read_text()


def test_who_asked_to_be_forgotten_is_a_guest(planted_shop: PlantedShop, tmp_path: Path) -> None:
    """An erased user is not in the next version; what they bought still counts for baskets and popularity."""
    before = train_on(planted_shop.log, tmp_path)
    erased = load_artifact(before.directory).model.users.ids[0]
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "erased.txt").write_text(f"{erased}\n", encoding="utf-8")
    after = train_on(planted_shop.log, tmp_path)
    assert not after.reused
    assert erased not in load_artifact(after.directory).model.users
    assert after.cleaning.rows_kept == before.cleaning.rows_kept
    assert after.cleaning.guest_rows > before.cleaning.guest_rows


def test_damaged_list_of_erased_users(tmp_path: Path, checkerboard: Interactions) -> None:
    """A list that is not text is named with its line: training on who asked to be forgotten is no way out."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "erased.txt").write_bytes(b"ann\n\xff\xfe\n")
    with pytest.raises(InvalidInput, match=r"erased.txt, line 2: byte 0xFF is not UTF-8"):
        train_on(checkerboard, tmp_path)


def test_a_training_outlives_its_page(tmp_path: Path, checkerboard: Interactions) -> None:
    """When the page cannot be written, the error names the place, and the next run finds the version."""
    version = train_on(checkerboard, tmp_path).version
    page = tmp_path / "data" / "reports" / f"{version}.html"
    (tmp_path / "data" / "artifacts" / JOURNAL_FILE).unlink()
    page.unlink()
    page.mkdir()
    with pytest.raises(IsADirectoryError, match="html"):
        train_on(checkerboard, tmp_path)
    assert train_on(checkerboard, tmp_path).reused
