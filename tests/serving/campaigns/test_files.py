"""Files that are there in full or not at all."""

import hashlib
from pathlib import Path

import pytest

from serving.campaigns.files import written_whole


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
