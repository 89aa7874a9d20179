"""A server under measurement: started as a process, asked once it answers, and stopped for certain."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psutil

from benchmarks.demo_shop import ROOT, environment

START_SECONDS = 120.0
STOP_SECONDS = 30.0
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    port: int
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, body: bytes | None = None, *, key: str | None = None) -> bytes:
        """Return the body of one answer.

        Raises
        ------
        RuntimeError
            If the status is not 200.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            headers = {} if key is None else {"X-API-Key": key}
            if body is not None:
                headers["Content-Type"] = "application/json"
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{method} {path}: status {answer.status}, {content[:500]!r}")
        return content

    def cpu_seconds(self) -> float:
        """Return the processor time that its Python processes have used so far; the store's is not theirs."""
        main = psutil.Process(self.process.pid)
        pythons = [process for process in (main, *main.children(recursive=True)) if "python" in process.name()]
        return sum(float(process.cpu_times().user + process.cpu_times().system) for process in pythons)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(
    command: Sequence[str],
    *,
    port: int,
    ready: str,
    key: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run a server while the block runs; it answers `ready` with 200 once it can be asked.

    Raises
    ------
    RuntimeError
        If it does not; the message holds the end of what it printed.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment() | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        server = Server(port, process)
        try:
            if not _becomes_ready(server, ready, key):
                log.seek(0)
                raise RuntimeError(f"{' '.join(command)} did not answer {ready}:\n{log.read().decode()[-3000:]}")
            yield server
        finally:
            _stop(process)


def _becomes_ready(server: Server, path: str, key: str | None) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        with contextlib.suppress(OSError, RuntimeError, http.client.HTTPException):
            server.ask("GET", path, key=key)
            return True
        time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
