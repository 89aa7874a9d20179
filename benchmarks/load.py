"""The load generator: HTTP/1.1 over raw sockets, one selector loop, in a process of its own.

``python -m benchmarks.load`` reads a `Plan` as JSON from standard input and prints a `Report`. Connections are kept
alive and hold one request at a time (no pipelining). Two ways to ask:

* *closed loop*: every connection asks again as soon as it has its answer; shows how much the server can do.
* *open loop*: questions are due at a steady rate, whether or not earlier ones were answered, and a latency is counted
  from the moment a question was due, so that a stall shows in all that it delayed.

It sends to loopback addresses only, and stops by itself: at the end of its time, or at `MAX_REQUESTS`.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import math
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

MAX_REQUESTS = 2_000_000
MAX_SECONDS = 120.0
ANSWER_SECONDS = 10.0
"""A connection that has waited this long for its answer has failed."""

_SPIN_SECONDS = 0.002
"""The selector waits in whole milliseconds: for the last two before a question is due, it is asked without waiting."""
_RECEIVE_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, how often and for how long."""

    port: int
    requests: tuple[bytes, ...]
    """Complete requests as bytes, asked in turn."""
    seconds: float
    connections: int = 32
    rate: float | None = None
    """Requests per second of an open loop; None for a closed one."""
    host: str = "127.0.0.1"
    refused: bytes | None = None
    """An answer that holds these bytes counts as failed."""
    status: int = 200
    """Any other counts as failed, too."""

    def to_json(self) -> str:
        """Return the plan as it travels to the generator's process."""
        requests = [base64.b64encode(request).decode() for request in self.requests]
        refused = None if self.refused is None else base64.b64encode(self.refused).decode()
        return json.dumps({**asdict(self), "requests": requests, "refused": refused})

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read what `to_json` wrote."""
        content = json.loads(text)
        requests = tuple(base64.b64decode(request) for request in content.pop("requests"))
        refused = content.pop("refused")
        return cls(**content, requests=requests, refused=None if refused is None else base64.b64decode(refused))


@dataclass(frozen=True, slots=True)
class Report:
    """What came back."""

    answers: int
    failures: int
    """Answers of another status, refused ones and those that did not come in time."""
    seconds: float
    p50_ms: float
    p99_ms: float
    busy_share: float
    """CPU time of the generator by elapsed time: near 1, it is the generator that is measured."""

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


def get(path: str, *, host: str = "shop", key: str | None = None) -> bytes:
    """Return the bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n{_key(key)}\r\n".encode()


def post(path: str, body: bytes, *, host: str = "shop", key: str | None = None) -> bytes:
    """Return the bytes of a POST request with a JSON body."""
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{kind}{_key(key)}\r\n".encode() + body


def generate(plan: Plan) -> Report:
    """Carry out `plan` in another process."""
    command = [sys.executable, "-m", "benchmarks.load"]
    done = subprocess.run(
        command, input=plan.to_json(), stdout=subprocess.PIPE, text=True, check=True, timeout=plan.seconds + 60
    )
    return Report(**json.loads(done.stdout))


class Connection:
    """One socket that holds at most one unanswered question."""

    def __init__(self, plan: Plan) -> None:
        self.socket = socket.create_connection((plan.host, plan.port), timeout=ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0)
        self.due = 0.0
        self.received = b""

    def ask(self, request: bytes, *, due: float) -> None:
        """Send a question that was due at `due`; a request fits into an empty socket buffer."""
        self.due, self.received = due, b""
        self.socket.sendall(request)

    def answer(self) -> bytes | None:
        """Return the complete answer, or None if there is more to come.

        Raises
        ------
        ConnectionError
            If the server closed the connection.
        """
        chunk = self.socket.recv(_RECEIVE_BYTES)
        if not chunk:
            raise ConnectionError("the server closed a connection that was to be kept alive")
        self.received += chunk
        head, separator, body = self.received.partition(b"\r\n\r\n")
        return self.received if separator and len(body) >= _content_length(head) else None


class Generator:
    """Carries out one plan."""

    def __init__(self, plan: Plan) -> None:
        if not ipaddress.ip_address(plan.host).is_loopback:
            raise ValueError(f"{plan.host} is not this machine; load goes to loopback addresses only")
        if not 0 < plan.seconds <= MAX_SECONDS:
            raise ValueError(f"{plan.seconds} seconds of load; it must be above 0 and at most {MAX_SECONDS:g}")
        self.plan = plan
        self.selector = selectors.DefaultSelector()
        self.connections = [Connection(plan) for _ in range(plan.connections)]
        self.idle = list(self.connections)
        for connection in self.idle:
            self.selector.register(connection.socket, selectors.EVENT_READ, connection)
        self.latencies: list[float] = []
        self.bad = 0
        self.asked = 0

    def run(self) -> Report:
        """Ask until the time is over, wait for what is under way, and report."""
        try:
            return self._run()
        finally:
            self.selector.close()
            for connection in self.connections:
                connection.socket.close()

    def _run(self) -> Report:
        cpu, start = time.process_time(), time.perf_counter()
        end = start + self.plan.seconds
        while (now := time.perf_counter()) < end and self.asked < MAX_REQUESTS:
            self._ask_what_is_due(start, now)
            self._take_answers(self._until_due(start, end))
        asking, last = time.perf_counter() - start, time.perf_counter() + ANSWER_SECONDS
        while len(self.idle) < len(self.connections) and time.perf_counter() < last:
            self._take_answers(last - time.perf_counter())
        return self._report(asking, time.process_time() - cpu)

    def _ask_what_is_due(self, start: float, now: float) -> None:
        while self.idle and (due := self._next_due(start, now)) <= now:
            request = self.plan.requests[self.asked % len(self.plan.requests)]
            self.asked += 1
            self.idle.pop().ask(request, due=due)

    def _next_due(self, start: float, now: float) -> float:
        return now if self.plan.rate is None else start + self.asked / self.plan.rate

    def _until_due(self, start: float, end: float) -> float:
        """Return how long answers may be waited for: without a free connection, until the end."""
        until = self._next_due(start, end) if self.idle else end
        left = min(until, end) - time.perf_counter()
        return left - _SPIN_SECONDS if left > _SPIN_SECONDS else 0.0

    def _take_answers(self, timeout: float) -> None:
        for key, _ in self.selector.select(timeout):
            connection: Connection = key.data
            answer = connection.answer()
            if answer is None:
                continue
            self.latencies.append(time.perf_counter() - connection.due)
            self.bad += not self._is_good(answer)
            self.idle.append(connection)

    def _is_good(self, answer: bytes) -> bool:
        is_refused = self.plan.refused is not None and self.plan.refused in answer
        return answer.startswith(b"HTTP/1.1 %d " % self.plan.status) and not is_refused

    def _report(self, seconds: float, cpu_seconds: float) -> Report:
        self.latencies.sort()
        return Report(
            answers=len(self.latencies) - self.bad,
            failures=self.bad + len(self.connections) - len(self.idle),
            seconds=seconds,
            p50_ms=1000 * quantile(self.latencies, 0.50),
            p99_ms=1000 * quantile(self.latencies, 0.99),
            busy_share=cpu_seconds / seconds,
        )


def quantile(ascending: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of them do not exceed (nearest rank); NaN of nothing.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([7.0], 0.99)
    (2.0, 7.0)
    """
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)] if ascending else math.nan


def _key(key: str | None) -> str:
    return "" if key is None else f"X-API-Key: {key}\r\n"


def _content_length(head: bytes) -> int:
    """Return the length that the answer's head states; the servers measured here always do."""
    _, separator, rest = head.lower().partition(b"\r\ncontent-length:")
    if not separator:
        raise ValueError("an answer without Content-Length; this generator reads no chunked ones")
    return int(rest.split(b"\r\n", 1)[0])


if __name__ == "__main__":
    report = Generator(Plan.from_json(sys.stdin.read())).run()
    sys.stdout.write(json.dumps(asdict(report)))
