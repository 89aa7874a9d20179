"""Files that are there in full or not at all."""

import hashlib
from pathlib import Path

import pytest

from serving.campaigns.files import or_nothing, written_whole


def test_file_appears_complete(tmp_path: Path) -> None:
    """The file appears when it is complete, with the SHA-256 and size of its content; folders are made."""
    path = tmp_path / "deep" / "file.csv"
    with written_whole(path) as file:
        file.write(b"one\n")
        file.write(b"two\n")
        assert not path.exists()
    assert path.read_bytes() == b"one\ntwo\n"
    assert (file.sha256, file.size) == (hashlib.sha256(b"one\ntwo\n").hexdigest(), 8)
    assert [entry.name for entry in path.parent.iterdir()] == ["file.csv"]


def test_earlier_file_survives_an_error(tmp_path: Path) -> None:
    """After an error the earlier file is still there, and nothing else."""
    path = tmp_path / "file.csv"
    path.write_bytes(b"earlier")
    with pytest.raises(OSError, match="disk full"):
        _write_half(path)
    assert path.read_bytes() == b"earlier"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.csv"]


def _write_half(path: Path) -> None:
    with written_whole(path) as file:
        file.write(b"half")
        raise OSError("disk full")


def stopped(folder: Path, root: Path) -> None:
    """Write a file, and be stopped then."""
    with or_nothing(folder, root=root):
        with written_whole(folder / "file.csv") as file:
            file.write(b"one")
        raise KeyboardInterrupt


def test_a_folder_is_as_it_was_after_an_error(tmp_path: Path) -> None:
    """What failed takes away what it wrote and the folders it made, and nothing that was there before."""
    root = tmp_path / "campaigns"
    for folder in (root / "old" / "sends" / "one", root / "new" / "sends" / "one"):
        if "old" in folder.parts:
            folder.mkdir(parents=True)
            (folder / "notes.txt").write_text("mine", encoding="utf-8")
        with pytest.raises(KeyboardInterrupt):
            stopped(folder, root)
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == [
        "old",
        "old/sends",
        "old/sends/one",
        "old/sends/one/notes.txt",
    ]
    with or_nothing(root / "new", root=root), written_whole(root / "new" / "file.csv") as file:
        file.write(b"one")
    assert (root / "new" / "file.csv").read_bytes() == b"one"
