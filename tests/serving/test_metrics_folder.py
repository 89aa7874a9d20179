"""Every server has a folder for its figures, and a killed one leaves none for long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.metrics_folder import metrics_folder

OWNER = """
import sys, time
from pathlib import Path
from serving.metrics_folder import metrics_folder
with metrics_folder(Path(sys.argv[1])) as folder:
    (folder / "counter_1.db").write_bytes(b"figures")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The folder of another process that lives, made two minutes ago."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        folder = Path(process.stdout.readline().strip())
        _age(folder)
        yield process, folder
        process.kill()
        process.wait()


def _age(folder: Path) -> None:
    then = time.time() - 120
    os.utime(folder, (then, then))


def test_the_folder_goes_with_its_server(tmp_path: Path) -> None:
    """It is there while the block runs."""
    with metrics_folder(tmp_path) as folder:
        assert folder.is_dir()
    assert not list(tmp_path.iterdir())


def test_only_what_nobody_owns_is_swept(tmp_path: Path, owned: tuple[subprocess.Popen[str], Path]) -> None:
    """A killed server's folder goes when the next one starts; a living server's stays, and so does everything else."""
    process, folder = owned
    others = [tmp_path / "regulars-metrics-young-1", tmp_path / "something-else-1"]
    for other in others:
        other.mkdir()
    linked = tmp_path / "regulars-metrics-link-1"
    linked.symlink_to(others[1])
    with metrics_folder(tmp_path):
        assert folder.is_dir()
    process.send_signal(signal.SIGKILL)
    process.wait()
    with metrics_folder(tmp_path):
        assert not folder.exists()
        assert all(other.is_dir() for other in (*others, linked))
