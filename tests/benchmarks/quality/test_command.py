"""The command measures, keeps what it found, and its exit status says how it went."""

from pathlib import Path

import polars as pl
import pytest

from benchmarks.quality import __main__ as command
from benchmarks.quality import scoreboard
from benchmarks.quality.scoreboard import Result, Row
from training.progress import Progress

MACHINE = {"cpu": "A CPU", "cores": 2, "memory_mb": 2048, "system": "Linux", "python": "3.11.7", "versions": {}}


class Known:
    """A benchmark whose figure is known."""

    def __init__(self, value: float) -> None:
        self.value = value

    def check(self, folder: Path) -> None:
        """Find nothing wrong."""

    def measure(self, folder: Path, *, seed: int, quick: bool, progress: Progress) -> Result:
        """Return one row; the floor is 0.15."""
        return Result("tafeng", (Row("R@10", self.value, 0.15),), {"folder": folder.name}, {}, (), seed, MACHINE)


@pytest.mark.parametrize(("value", "status"), [(0.2, 0), (0.1, 1)])
def test_figure_below_its_floor_is_kept_and_fails(
    value: float, status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file is written either way; only the exit status differs."""
    monkeypatch.setattr(command, "_benchmark", lambda _: Known(value))
    monkeypatch.setattr(scoreboard, "FOLDER", tmp_path)
    monkeypatch.delenv("QUICK", raising=False)
    assert command.main(["tafeng", "--seed", "7"]) == status
    found = scoreboard.read(tmp_path / "quality-tafeng.json")
    assert (found.rows[0].value, found.seed, found.settings) == (value, 7, {"folder": "tafeng"})


def test_missing_data_is_said_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says what to set, and the exit status is 2."""

    class Searching(Known):
        def measure(self, folder: Path, *, seed: int, quick: bool, progress: Progress) -> Result:
            scoreboard.find(folder, "baskets.parquet")
            return super().measure(folder, seed=seed, quick=quick, progress=progress)

    monkeypatch.setattr(command, "_benchmark", lambda _: Searching(0.2))
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "no:where"))
    assert command.main(["tafeng"]) == 2
    assert "set BENCH_DATA" in capsys.readouterr().err


def test_unknown_data_set_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error is answered with the names there are."""
    with pytest.raises(SystemExit):
        command.main(["tafang"])
    assert "no data set is called tafang; there are complete_journey, tafeng" in capsys.readouterr().err


def test_folder_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """BENCH_DATA names the folder; empty, as make passes an empty variable, means the default."""
    monkeypatch.setenv("BENCH_DATA", "/data")
    assert command.data_folder() == Path("/data")
    monkeypatch.setenv("BENCH_DATA", "")
    assert command.data_folder() == Path(command.DEFAULT_FOLDER)


def test_missing_data_is_noticed_before_the_first_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file that is not there is named at once, and nothing is measured."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    monkeypatch.setattr(command, "run", lambda *_, **__: pytest.fail("measured"))
    assert command.main(["tafeng", "gowalla", "amazon_cds"]) == 2
    said = capsys.readouterr().err
    for path in ("tafeng/baskets", "gowalla/train", "amazon_cds/train"):
        assert f"{path}.parquet is missing: set BENCH_DATA" in said
    assert "nothing was measured" in said


PAIRS = pl.DataFrame({"user_id": [0, 0, 1], "item_id": [1, 2, 0]})


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (PAIRS.rename({"item_id": "item"}), "it has no column item_id, only user_id, item"),
        (PAIRS.cast(pl.String), "user_id holds String, not whole numbers"),
        (PAIRS.clear(), "it has no rows"),
        (PAIRS - 1, "user_id has values below 0"),
        (PAIRS.shift(1), "user_id is empty in 1 rows"),
        (None, "it cannot be read"),
    ],
)
def test_a_broken_file_is_said(
    train: pl.DataFrame | None,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The message names the file, what is wrong and what to do; 1 would mean a figure below its floor."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    path = tmp_path / "gowalla" / "train.parquet"
    path.parent.mkdir()
    PAIRS.write_parquet(path.with_name("test.parquet"))
    (PAIRS if train is None else train).write_parquet(path)
    if train is None:
        path.write_bytes(path.read_bytes()[:-20])
    assert command.main(["gowalla"]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"gowalla: {path}: {said}")
    assert "get the file again" in message


def test_baskets_of_another_release_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Folds that name users without baskets are refused."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    (tmp_path / "tafeng").mkdir()
    lines = {"user_id": [0, 1], "basket": [0, 0], "item_id": [1, 2]}
    pl.DataFrame(lines).write_parquet(tmp_path / "tafeng" / "baskets.parquet")
    folds = {"fold": [0] * 3, "part": ["train", "val", "test"], "user_id": [0, 1, 7]}
    pl.DataFrame(folds).write_parquet(tmp_path / "tafeng" / "folds.parquet")
    assert command.main(["tafeng"]) == 2
    assert "folds.parquet: fold 0, part 'test' names users without baskets" in capsys.readouterr().err
