"""Storefronts that report events and do not give up: what was not accepted is sent again, under the same ids."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from benchmarks.faults.shop import Size, item_id, user_id
from benchmarks.server import HOST

ANSWER_SECONDS = 5.0
PAUSE_SECONDS = 0.05
"""Before a batch is sent again."""


@dataclass
class Reported:
    """What the senders know."""

    accepted: set[str] = field(default_factory=set)
    """Ids of events that were answered with 202."""
    sent_again: int = 0
    """Batches that were sent more than once."""
    server_errors: int = 0
    in_files: int = 0
    """Batches of which the server said that it kept them in a file."""
    abandoned: set[str] = field(default_factory=set)
    """Ids of events that were still not accepted when sending ended: they may be kept or not."""
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Accepted events per second."""
        return len(self.accepted) / self.seconds


class Senders:
    """Threads that send batches at a steady rate, all of them together `rate` events per second."""

    def __init__(self, port: int, *, rate: float, batch: int, threads: int, size: Size) -> None:
        self._port = port
        self._every = threads * batch / rate
        self._batch = batch
        self._size = size
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._reported = Reported()
        self._threads = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(threads)]
        self._start = time.monotonic()
        for thread in self._threads:
            thread.start()

    def rate_over(self, seconds: float) -> float:
        """Watch for a while, and return how many events were accepted per second."""
        before, start = len(self._reported.accepted), time.monotonic()
        time.sleep(seconds)
        return (len(self._reported.accepted) - before) / (time.monotonic() - start)

    def stop(self) -> Reported:
        """Send no new batches, and return what became of all."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._reported.seconds = time.monotonic() - self._start
        return self._reported

    def _send(self, number: int) -> None:
        due = self._start + number * self._every / len(self._threads)
        connection = http.client.HTTPConnection(HOST, self._port, timeout=ANSWER_SECONDS)
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._every, time.monotonic() - self._every)
            self._deliver(connection, *self._next_batch())
        connection.close()

    def _next_batch(self) -> tuple[set[str], bytes]:
        first = next(self._numbers) * self._batch
        events = [
            {
                "event": "purchase",
                "event_id": f"e:{number}",
                "user_id": user_id(number % self._size.users),
                "item_id": item_id(number % self._size.items),
                "quantity": 1,
            }
            for number in range(first, first + self._batch)
        ]
        return {str(event["event_id"]) for event in events}, orjson.dumps({"events": events})

    def _deliver(self, connection: http.client.HTTPConnection, ids: set[str], body: bytes) -> None:
        """Send a batch until it is accepted; after the end of sending, a few times more."""
        last_tries = 100
        for attempt in itertools.count():
            status, answer = _post(connection, body)
            with self._lock:
                self._reported.server_errors += status >= 500
                self._reported.sent_again += attempt == 1
                if status == http.client.ACCEPTED:
                    assert answer["accepted"] == len(ids), answer
                    self._reported.accepted |= ids
                    self._reported.in_files += answer["kept_in"] == "file"
                    return
            last_tries -= self._stopping.is_set()
            if last_tries == 0:
                with self._lock:
                    self._reported.abandoned |= ids
                return
            time.sleep(PAUSE_SECONDS)


@contextlib.contextmanager
def sending(port: int, *, rate: float, batch: int, threads: int, size: Size) -> Iterator[Senders]:
    """Send while the block runs."""
    senders = Senders(port, rate=rate, batch=batch, threads=threads, size=size)
    try:
        yield senders
    finally:
        senders.stop()


def _post(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, dict[str, object]]:
    """Return status and answer; 0 where the connection failed."""
    try:
        connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0, {}
    return response.status, orjson.loads(content) if response.status == http.client.ACCEPTED else {}
