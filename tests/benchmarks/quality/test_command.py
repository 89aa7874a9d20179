"""The command measures, keeps what it found, and its exit status says how it went."""

from pathlib import Path

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
