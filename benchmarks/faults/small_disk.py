"""A disk of a few megabytes that can be filled: a tmpfs, which only root may mount."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import Skipped

_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A folder that is a disk of its own."""

    folder: Path

    def fill(self, *, leave_bytes: int = 0) -> None:
        """Leave no more room than this."""
        free = shutil.disk_usage(self.folder).free - leave_bytes
        with (self.folder / "filler").open("ab") as file, contextlib.suppress(OSError):
            for _ in range(max(0, free) // _BLOCK):
                file.write(bytes(_BLOCK))
                file.flush()

    def make_room(self) -> None:
        """Give back what `fill` took."""
        (self.folder / "filler").unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    """Mount it for as long as the block runs.

    Raises
    ------
    Skipped
        If this user may not mount one here.
    """
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        raise Skipped("only root may mount a small disk to fill, and not in every container")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
