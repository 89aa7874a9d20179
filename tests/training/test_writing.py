"""A write that fails says where it was to go."""

import errno
from pathlib import Path

import pytest

from training.writing import writing_to


def test_an_error_without_a_name_gets_the_folder(tmp_path: Path) -> None:
    """A full disk names no file; what it says stays, and the folder is added."""
    with pytest.raises(OSError, match="No space left") as failed, writing_to(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (failed.value.errno, failed.value.filename) == (errno.ENOSPC, str(tmp_path))


def test_a_name_is_kept(tmp_path: Path) -> None:
    """An error that names its file knows better."""
    with pytest.raises(FileNotFoundError) as failed, writing_to(tmp_path):
        (tmp_path / "none").read_bytes()
    assert failed.value.filename == str(tmp_path / "none")
