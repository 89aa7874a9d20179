"""The HTTP server beside a command, in a process of its own.

It stops with the command, even with one that is killed: the process watches its parent (see `http_server`).
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from urllib.parse import quote

from recommender.errors import RecommenderError
from regulars.http_server import base_url, run_beside_parent
from serving.settings import AppSettings

START_SECONDS = 120.0
"""A large artifact is checked byte by byte before it is served."""
STOP_SECONDS = 35.0
"""Longer than a worker has to move its last events into files (`serving.server.STOP_SECONDS`)."""
TERMINATED = 128 + signal.SIGTERM
"""The exit code that shells know."""
POLL_SECONDS = 0.1


class Server:
    """A server that answers."""

    def __init__(self, settings: AppSettings, *, is_alive: Callable[[], bool]) -> None:
        self._settings = settings
        self._is_alive = is_alive

    @property
    def url(self) -> str:
        """The address at which this machine reaches it, without a slash at its end."""
        return base_url(self._settings)

    def get(self, path: str) -> tuple[int, Any]:
        """Return status and JSON of one GET request; the path is already quoted.

        Raises
        ------
        OSError
            If the server does not answer.
        """
        host = base_url(self._settings).removeprefix("http://").rpartition(":")[0].strip("[]")
        connection = http.client.HTTPConnection(host, self._settings.serving.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        except http.client.HTTPException as error:
            raise OSError(f"the server's answer to {path} cannot be understood: {error!r}") from error
        finally:
            connection.close()

    @staticmethod
    def recommendations_path(user_id: str, *, limit: int) -> str:
        """Return the path of a user's slate."""
        return f"/v1/users/{quote(user_id, safe='')}/recommendations?limit={limit}"

    def wait(self) -> None:
        """Return when the server has stopped."""
        while self._is_alive():
            time.sleep(0.1)

    def wait_until_it_answers(self) -> None:
        """Return when it answers at all, however long that takes; it may have no model yet, and say so."""
        while self._is_alive():
            try:
                self.get("/healthz")
            except (OSError, ValueError):
                time.sleep(POLL_SECONDS)
            else:
                return

    def wait_until_ready(self) -> None:
        """Return when it is ready to answer storefronts.

        Raises
        ------
        RecommenderError
            If it ends before, or takes too long.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._is_alive():
            try:
                if self.get("/readyz")[0] == http.client.OK:
                    return
            except (OSError, ValueError):
                pass
            time.sleep(POLL_SECONDS)
        raise RecommenderError(f"the server on {self.url} did not become ready; what it printed above says why")


@contextmanager
def leaving_in_order() -> Iterator[None]:
    """Let SIGTERM unwind what is open in the block, as Ctrl-C does: the server first, and its store after it."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


@contextmanager
def serving(settings: AppSettings) -> Iterator[Server]:
    """Serve in another process while the block runs.

    Raises
    ------
    RecommenderError
        If it does not become ready.
    """
    process = multiprocessing.get_context("spawn").Process(
        target=run_beside_parent, args=(settings.model_dump_json(),), name="regulars-server"
    )
    process.start()
    try:
        server = Server(settings, is_alive=process.is_alive)
        server.wait_until_ready()
        yield server
    finally:
        process.terminate()
        process.join(STOP_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
