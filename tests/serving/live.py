"""A whole server in processes of its own, as a shop runs it: workers, a Valkey, and clients on several connections."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from serving.settings import AppSettings
from tests.serving.test_server import PROGRAM, free_port, is_ready

CLIENTS = 6
"""Connections, each of which stays with one worker."""


@dataclass(frozen=True, slots=True)
class Live:
    """A server that answers."""

    address: str
    process: subprocess.Popen[bytes]
    clients: tuple[httpx.Client, ...]

    def post(self, path: str, body: Any) -> dict[str, Any]:
        """Ask the first connection."""
        response = self.clients[0].post(path, json=body)
        assert response.status_code < 300, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def report(self, *events: dict[str, Any]) -> dict[str, Any]:
        """Send events, all of which must be accepted."""
        answer = self.post("/v1/events", {"events": list(events)})
        assert (answer["rejected"], answer["accepted"]) == ([], len(events))
        return answer

    def slates(self, **question: Any) -> list[dict[str, Any]]:
        """Ask every connection the same."""
        found = []
        for client in self.clients:
            response = client.post("/v1/recommendations", json=question)
            assert response.status_code == 200, response.text
            found.append(response.json())
        return found

    def shown(self, **question: Any) -> list[str]:
        """What the first connection is shown."""
        return [item["item_id"] for item in self.slates(**question)[0]["items"]]

    def seconds_until(self, holds: Callable[[dict[str, Any]], bool], **question: Any) -> float:
        """How long it takes until every worker's slate is as it should be; at most a few seconds."""
        started = time.monotonic()
        while not all(holds(slate) for slate in self.slates(**question)):
            assert time.monotonic() - started < 5, self.slates(**question)[0]
        return time.monotonic() - started

    def kill(self) -> None:
        """Kill the main process and its workers at once, and leave nobody time for anything."""
        everybody = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
        for process in everybody:
            with contextlib.suppress(psutil.NoSuchProcess):
                os.kill(process.pid, signal.SIGKILL)
        psutil.wait_procs(everybody, timeout=10)


@contextlib.contextmanager
def live(settings: AppSettings) -> Iterator[Live]:
    """Publish what ``CURRENT`` names and serve it while the block runs."""
    port = free_port()
    placed = settings.model_copy(update={"serving": settings.serving.model_copy(update={"port": port})})
    with (settings.data_dir / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, placed.model_dump_json()],
            cwd=Path(__file__).parents[2],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(_stop, process)
        deadline = time.monotonic() + 90
        while not is_ready(address):
            still_starting = process.poll() is None and time.monotonic() < deadline
            assert still_starting, (settings.data_dir / "server.log").read_text()
            time.sleep(0.1)
        clients = tuple(cleanup.enter_context(httpx.Client(base_url=address, timeout=10)) for _ in range(CLIENTS))
        yield Live(address, process, clients)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(40)
    finally:
        process.kill()
        process.wait()
