"""``python -m benchmarks.store_readers URL FILE RATE``: read users of the served version, and keep how long each took.

An open loop: reads are due at fixed times, and one that is late because the one before it took long counts from when
it was due. Runs until its standard input is closed; the times are kept as (n, 2) float64, monotonic second and seconds
taken. A user who is missing, or whose record is of another version than the pointer names, ends it with an error.
"""

from __future__ import annotations

import contextlib
import random
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from redis import Redis

from serving.stores import keys

POLL_SECONDS = 0.5
"""How often a server looks which version is served."""


def read_until_told(url: str, path: Path, *, rate: float, users: int) -> None:
    """Read users by their number."""
    client: Any = Redis.from_url(url, protocol=2)
    found: list[tuple[float, float]] = []
    draw = random.Random(1)
    due = next_look = time.monotonic()
    version = b""
    while not select.select([sys.stdin], [], [], 0)[0]:
        if time.monotonic() >= next_look:
            version = client.hget(keys.POINTER, "current")
            next_look = time.monotonic() + POLL_SECONDS
        due += 1 / rate
        if (early := due - time.monotonic()) > 0:
            time.sleep(early)
        start = time.monotonic() if early > 0 else due
        record = client.get(keys.candidates(version.decode(), user_name(draw.randrange(users))))
        found.append((start, time.monotonic() - start))
        if not (record or b"").startswith(version):
            sys.exit(f"a user of {version!r} has {'no record' if record is None else 'one of another version'}")
    np.save(path, np.array(found))


def user_name(number: int) -> str:
    """Return the id of a made-up user."""
    return f"user-{number:09d}"


class Readers:
    """A process that reads, and the times it took once it has ended."""

    def __init__(self, path: Path, *, users: int) -> None:
        self.users = users
        self._path = path
        self._seconds: npt.NDArray[np.float64] | None = None

    def p99_ms(self, start: float, end: float) -> float:
        """Return the 99th percentile of the reads between two monotonic times."""
        if self._seconds is None:
            self._seconds = np.load(self._path)
        at = self._seconds[:, 0]
        return float(np.quantile(self._seconds[(at >= start) & (at < end), 1], 0.99)) * 1000


@contextlib.contextmanager
def reading(url: str, folder: Path, *, rate: float, users: int) -> Iterator[Readers]:
    """Read in a process of its own until the block ends."""
    path = folder / "reads.npy"
    command = [sys.executable, "-m", "benchmarks.store_readers", url, str(path), str(rate), str(users)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield Readers(path, users=users)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        status = process.wait(30)
    if status:
        raise RuntimeError(f"the readers ended with status {status}")


if __name__ == "__main__":
    read_until_told(sys.argv[1], Path(sys.argv[2]), rate=float(sys.argv[3]), users=int(sys.argv[4]))
