"""The embedded Valkey when things go wrong around it: its program is killed, its socket is stale, its file is corrupt.

It listens on a unix socket, so a port cannot be taken; what can be in its way is a socket file that nobody listens on.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.demo_shop import ROOT, environment
from benchmarks.faults.workplace import workplace
from benchmarks.results import Row, at_least, at_most, figure
from recommender.errors import StoreUnavailable
from serving.stores import append_only, embedded

FAULT = "embedded Valkey: parent killed, stale socket, corrupt AOF"
SEED = 3
KEYS = 200
GONE_SECONDS = 20.0
APPENDED = (
    *(b"\x00" * 4096, b"\xff\xfe garbage", b"*3\r\n$3\r\nSET\r\n$1\r\n", b"*-7\r\n", b"#", b"\r\n"),
    *(b"*9999999999\r\n", b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"),
)
PROGRAM = """
import sys, time
from pathlib import Path
from serving.stores import embedded
with embedded.running(Path(sys.argv[1])):
    print("up", flush=True)
    time.sleep(600)
"""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard it is tried."""

    parents: int = 20
    """Programs killed."""
    tails: int = 24
    middles: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of it."""

    effort: Effort
    orphans: int
    gone_seconds: float
    """The longest that a server outlived its program."""
    keys_lost: int
    stale_socket_seconds: float
    tails_served: int
    tail_keys_lost: int
    middles_refused: int
    middles_changed: int
    """Files that were changed although they were refused."""
    unclear: tuple[str, ...]
    """Messages of a refusal that do not name the file and what to do."""

    def rows(self) -> list[Row]:
        """Return the figures."""
        tried = self.effort
        return [
            figure("parent killed: servers left over", self.orphans, "", goal=at_most(0)),
            figure("parent killed: server gone after, longest", self.gone_seconds, "s", goal=at_most(5)),
            figure("parent killed: keys lost", self.keys_lost, "", goal=at_most(0)),
            figure("stale socket: up after", self.stale_socket_seconds, "s", goal=at_most(5)),
            figure("garbage at the end: served", self.tails_served, "", goal=at_least(tried.tails)),
            figure("garbage at the end: keys lost", self.tail_keys_lost, "", goal=at_most(0)),
            figure("garbage in the middle: refused", self.middles_refused, "", goal=at_least(tried.middles)),
            figure("garbage in the middle: files changed", self.middles_changed, "", goal=at_most(0)),
            figure("garbage in the middle: unclear messages", len(self.unclear), "", goal=at_most(0)),
        ]


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures."""
    with workplace() as folder:
        return run(folder, Effort(parents=3, tails=8, middles=5) if quick else Effort()).rows()


def run(folder: Path, effort: Effort) -> Found:
    """Kill programs, leave sockets behind, spoil files."""
    outlived, keys_lost = _kill_parents(folder / "killed", effort.parents)
    spoiled = list(_spoil_middles(folder / "killed", effort.middles))
    served = [_spoil_end(folder / "killed", number) for number in range(effort.tails)]
    return Found(
        effort=effort,
        orphans=sum(seconds is None for seconds in outlived),
        gone_seconds=max(GONE_SECONDS if seconds is None else seconds for seconds in outlived),
        keys_lost=keys_lost,
        stale_socket_seconds=_start_over_a_stale_socket(folder / "stale"),
        tails_served=sum(found is not None for found in served),
        tail_keys_lost=sum(KEYS - found for found in served if found is not None),
        middles_refused=sum(message != "" for message, _ in spoiled),
        middles_changed=sum(changed for _, changed in spoiled),
        unclear=tuple(message for message, _ in spoiled if "incr.aof" not in message or "backup" not in message),
    )


def _kill_parents(data_dir: Path, times: int) -> tuple[list[float | None], int]:
    """Write keys, kill the program; return how long each server outlived it, and how many keys were lost in all."""
    outlived: list[float | None] = []
    for number in range(times):
        command = [sys.executable, "-c", PROGRAM, str(data_dir)]
        program = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE)
        assert program.stdout is not None
        program.stdout.readline()
        for key in range(number * KEYS // times, (number + 1) * KEYS // times):
            ask(data_dir, f"SET key:{key} {key}")
        program.kill()
        program.communicate()
        outlived.append(_seconds_until_gone(data_dir))
    with embedded.running(data_dir):
        return outlived, KEYS - count(data_dir)


def _seconds_until_gone(data_dir: Path) -> float | None:
    start = time.monotonic()
    while time.monotonic() - start < GONE_SECONDS:
        if not embedded.answers(where(data_dir)):
            return time.monotonic() - start
        time.sleep(0.01)
    return None


def _start_over_a_stale_socket(data_dir: Path) -> float:
    at = where(data_dir)
    at.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(at))
    start = time.monotonic()
    with embedded.running(data_dir):
        return time.monotonic() - start


def _spoil_end(data_dir: Path, number: int) -> int | None:
    """Add garbage to a copy's last file; return how many keys it serves, or None if it does not."""
    copy = shutil.copytree(data_dir, data_dir.with_name(f"tail-{number}"), ignore=shutil.ignore_patterns("*.sock"))
    with _last_file(copy).open("ab") as file:
        file.write(APPENDED[number % len(APPENDED)])
    try:
        with embedded.running(copy):
            return count(copy)
    except StoreUnavailable:
        return None
    finally:
        shutil.rmtree(copy)


def _spoil_middles(data_dir: Path, times: int) -> Iterator[tuple[str, bool]]:
    """Spoil a copy's last file before its end; yield the refusal, or nothing, and whether the file was changed."""
    rng = random.Random(SEED)
    for number in range(times):
        copy = shutil.copytree(data_dir, data_dir.with_name(f"mid-{number}"), ignore=shutil.ignore_patterns("*.sock"))
        path = _last_file(copy)
        content = bytearray(path.read_bytes())
        # The length of a command or argument, so that the server notices; in a value it could not.
        signs = [at for at in range(len(content) - 400) if content[at] in b"*$"]
        at = rng.choice(signs)
        content[at : at + 3] = rng.randbytes(3) if number % 2 else b"$99"
        path.write_bytes(content)
        message = ""
        try:
            with embedded.running(copy):
                pass
        except StoreUnavailable as error:
            message = str(error)
        yield message, path.read_bytes() != content
        shutil.rmtree(copy)


def _last_file(data_dir: Path) -> Path:
    return sorted((data_dir / "valkey" / append_only.FOLDER).glob("*.incr.aof"))[-1]


def where(data_dir: Path) -> Path:
    """Return the socket of a data folder's server."""
    return embedded.socket_path((data_dir / "valkey").resolve())


def count(data_dir: Path) -> int:
    """Return how many keys are there."""
    return int(ask(data_dir, "DBSIZE").strip().removeprefix(b":"))


def ask(data_dir: Path, command: str) -> bytes:
    """Return the reply to an inline command."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(os.fsencode(where(data_dir)))
        connection.sendall(command.encode() + b"\r\n")
        return connection.recv(1024)
