"""`regulars serve` as a shop runs it: a process with workers, started, killed, restarted."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.demo_shop import ROOT, environment
from benchmarks.faults.shop import Shop
from benchmarks.server import HOST, free_port
from serving.leaving import NOTIFY_VARIABLE

START_SECONDS = 120.0
STOP_SECONDS = 60.0
_MEBIBYTE = 2**20


class Instance:
    """One serving process and its workers."""

    def __init__(
        self, shop: Shop, url: str | None, *, port: int | None = None, settings: tuple[str, ...] = (), name: str = ""
    ) -> None:
        self.port = port or free_port()
        pairs = (f"serving.port={self.port}", *([f"redis.url={url}"] if url else []), *settings)
        self._command = shop.command("serve", settings=pairs)
        self.log = shop.folder / f"serve-{self.port}{name}.log"
        self._notices = shop.folder / f"notify{name}.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Instance:
        """Start without waiting."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**environment(), NOTIFY_VARIABLE: str(self._notices)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def wait_until_ready(self) -> float:
        """Wait for a 200 of ``/readyz`` and return the moment (`time.monotonic`).

        Raises
        ------
        RuntimeError
            If it does not come; the message holds the end of the log.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.is_running():
            if self.status("/readyz") == http.client.OK:
                return time.monotonic()
            time.sleep(0.02)
        raise RuntimeError(f"regulars serve on port {self.port} did not become ready:\n{self.log_text()[-3000:]}")

    def start_until_it_says_ready(self) -> None:
        """Start and wait for what a worker tells systemd: another server may answer on the same port meanwhile.

        Raises
        ------
        TimeoutError
            If it says nothing.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            self._notices.unlink(missing_ok=True)
            ear.bind(str(self._notices))
            ear.settimeout(START_SECONDS)
            self.start()
            while b"READY=1" not in ear.recv(4096):
                continue

    def status(self, path: str) -> int:
        """Return the status of a GET; 0 without an answer."""
        return self.get(path)[0]

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of a GET; 0 and nothing without an answer."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def is_running(self) -> bool:
        """Say whether the main process lives."""
        return self._process is not None and self._process.poll() is None

    def log_text(self) -> str:
        """Return what it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    @property
    def pid(self) -> int:
        """The main process."""
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[psutil.Process]:
        """Return the processes that answer requests."""
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.pid).children()
            return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        return []

    def memory_mb(self) -> float:
        """Return the memory that its workers have for themselves (anonymous pages), in MiB."""
        total = 0
        for worker in self.workers():
            with contextlib.suppress(psutil.Error, OSError):
                total += _anonymous_kib(worker.pid)
        return total * 1024 / _MEBIBYTE

    def terminate(self) -> int:
        """Stop it in order, with SIGTERM, and return its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill the main process alone, without warning; its workers notice by themselves."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Make sure that nothing of it is left."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.is_running():
                self.terminate()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def instance(shop: Shop, url: str | None, *, settings: tuple[str, ...] = ()) -> Iterator[Instance]:
    """Serve `shop` from the store at `url`, or from an embedded one, while the block runs; it is ready."""
    running = Instance(shop, url, settings=settings)
    try:
        running.start().wait_until_ready()
        yield running
    finally:
        running.stop()


def _anonymous_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
