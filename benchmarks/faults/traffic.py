"""Shoppers: requests due at a steady rate, each one's fate written down with its moments.

``python -m benchmarks.faults.traffic FILE`` reads a `benchmarks.load.Plan` as JSON from standard input, asks, and
saves one record per request. It differs from `benchmarks.load` in what it survives: a connection that the server
closes is opened anew, as a browser or a proxy does. A request that is lost with a *reused* connection before the
first byte of its answer is sent once more on a new one, as RFC 9110, section 9.2.2, lets a client do with a GET;
such requests are counted. Whatever else ends without a complete answer is *unfinished* and has status 0.

Moments are those of `time.monotonic`, which all processes of a machine share.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.load import Plan

ANSWER_SECONDS = 10.0
"""A request that has waited this long for its answer is unfinished."""
MAX_SECONDS = 900.0
RECORD = np.dtype(
    [
        *(("due", "f8"), ("sent", "f8"), ("done", "f8"), ("status", "i2")),
        *(("degraded", "?"), ("retried", "?"), ("retry_after", "?")),
    ]
)

_SPIN_SECONDS = 0.001
_CONNECT_SECONDS = 1.0
_RECEIVE_BYTES = 262_144
_REFUSALS = frozenset({429, 503})
_DEGRADED = b'"degraded":true'


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """The records of one run."""

    records: npt.NDArray[Any]
    """`RECORD`, in the order in which answers came."""

    def between(self, start: float, end: float) -> Observed:
        """Return the requests that were due in a part of the time."""
        due = self.records["due"]
        return Observed(self.records[(due >= start) & (due < end)])

    def count(self, *, low: int, high: int | None = None) -> int:
        """Return how many answers have a status from `low` to `high`, or exactly `low`."""
        status = self.records["status"]
        return int(((status >= low) & (status <= (low if high is None else high))).sum())

    @property
    def answers(self) -> int:
        """Requests with a complete answer."""
        return int((self.records["status"] > 0).sum())

    @property
    def server_errors(self) -> int:
        """Answers of 5xx."""
        return self.count(low=500, high=599)

    @property
    def unfinished(self) -> int:
        """Requests without a complete answer."""
        return self.count(low=0)

    @property
    def failed(self) -> int:
        """Requests whose answer is not a 200."""
        return int((self.records["status"] != 200).sum())

    @property
    def retried(self) -> int:
        """Requests that were sent a second time."""
        return int(self.records["retried"].sum())

    @property
    def degraded(self) -> npt.NDArray[np.bool_]:
        """(n,) whether an answer said that it is less than usual."""
        flags: npt.NDArray[np.bool_] = self.records["degraded"]
        return flags

    @property
    def degraded_share(self) -> float:
        """Degraded answers by answers."""
        return float(self.degraded.sum() / max(1, self.answers))

    def latency_ms(self, share: float, *, since: str = "due", status: int | None = None) -> float:
        """Return a quantile of the time from when a request was due (or ``since="sent"``) to its answer."""
        chosen = self.records if status is None else self.records[self.records["status"] == status]
        if not len(chosen):
            return float("nan")
        waited = (chosen["done"] - chosen[since]) * 1000
        return float(np.quantile(waited, share, method="inverted_cdf"))


class Traffic:
    """A run in a process of its own."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._file = folder / f"traffic-{time.monotonic_ns()}.npy"
        self._seconds = plan.seconds
        command = [sys.executable, "-m", "benchmarks.faults.traffic", str(self._file)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        self._process.stdin.write(plan.to_json())
        self._process.stdin.close()

    def wait(self) -> Observed:
        """Wait for the end and return what was observed.

        Raises
        ------
        RuntimeError
            If the process failed.
        """
        try:
            status = self._process.wait(self._seconds + 60)
        except subprocess.TimeoutExpired:
            self.stop()
            raise
        if status != 0:
            raise RuntimeError(f"the traffic ended with {status}; what it printed says why")
        return Observed(np.load(self._file, allow_pickle=False))

    def finish(self) -> Observed:
        """Ask nothing more, wait for what is under way, and return what was observed."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def stop(self) -> None:
        """End it early; nothing is observed then."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def traffic(plan: Plan, folder: Path) -> Iterator[Traffic]:
    """Send requests while the block runs; the block waits for the end itself."""
    running = Traffic(plan, folder)
    try:
        yield running
    finally:
        running.stop()


class Shopper:
    """One connection that holds at most one unanswered request."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.request = b""
        self.due = self.sent = 0.0
        self.received = b""
        self.is_waiting = self.is_reused = self.is_retry = False

    def close(self) -> None:
        """Let go of the connection."""
        if self.socket is not None:
            self.socket.close()
        self.socket = None


class Crowd:
    """Carries out one plan."""

    def __init__(self, plan: Plan) -> None:
        if not ipaddress.ip_address(plan.host).is_loopback:
            raise ValueError(f"{plan.host} is not this machine; load goes to loopback addresses only")
        if not 0 < plan.seconds <= MAX_SECONDS or not plan.rate:
            raise ValueError(f"{plan.seconds} s at {plan.rate}/s; above 0 and at most {MAX_SECONDS:g} s, at a rate")
        self.plan = plan
        self.rate = plan.rate
        self.selector = selectors.DefaultSelector()
        self.idle = [Shopper() for _ in range(plan.connections)]
        self.waiting: set[Shopper] = set()
        self.asked = 0
        self.end = 0.0
        self.found: list[tuple[float, float, float, int, bool, bool, bool]] = []

    def run(self) -> npt.NDArray[Any]:
        """Ask until the time is over, wait for what is under way, and return the records."""
        start = look = time.monotonic()
        self.end = start + self.plan.seconds
        while (now := time.monotonic()) < self.end:
            while self.idle and (due := start + self.asked / self.rate) <= now:
                self._ask(self.idle.pop(), due)
            if now >= look:
                self._give_up_late_ones(now)
                look = now + 0.25
            left = min(start + self.asked / self.rate, self.end) - time.monotonic() if self.idle else 0.05
            self._take_answers(max(0.0, left - _SPIN_SECONDS))
        self._ask_the_rest(start)
        for shopper in self.idle:
            self._hang_up(shopper)
        self.selector.close()
        return np.array(self.found, dtype=RECORD)

    def stop(self) -> None:
        """Let the time be over."""
        self.end = time.monotonic()

    def _ask_the_rest(self, start: float) -> None:
        """Ask what was due and had no free connection; what has no answer after the longest wait has none."""
        due = math.ceil((self.end - start) * self.rate)
        while (self.waiting or self.asked < due) and time.monotonic() < self.end + ANSWER_SECONDS:
            while self.idle and self.asked < due:
                self._ask(self.idle.pop(), start + self.asked / self.rate)
            self._take_answers(0.05)
        for shopper in list(self.waiting):
            self._finish(shopper, status=0)
        moments = [start + number / self.rate for number in range(self.asked, due)]
        self.found += [(moment, moment, time.monotonic(), 0, False, False, False) for moment in moments]

    def _ask(self, shopper: Shopper, due: float) -> None:
        shopper.request = self.plan.requests[self.asked % len(self.plan.requests)]
        shopper.due, shopper.sent, shopper.is_retry = due, time.monotonic(), False
        self.asked += 1
        shopper.is_waiting = True
        self.waiting.add(shopper)
        self._send(shopper)

    def _send(self, shopper: Shopper) -> None:
        shopper.received = b""
        shopper.is_reused = shopper.socket is not None
        try:
            if shopper.socket is None:
                self._connect(shopper)
            assert shopper.socket is not None
            shopper.socket.sendall(shopper.request)
        except OSError:
            self._lost(shopper)

    def _connect(self, shopper: Shopper) -> None:
        connection = socket.create_connection((self.plan.host, self.plan.port), timeout=_CONNECT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(0)
        shopper.socket = connection
        self.selector.register(connection, selectors.EVENT_READ, shopper)

    def _hang_up(self, shopper: Shopper) -> None:
        if shopper.socket is not None:
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(shopper.socket)
        shopper.close()

    def _lost(self, shopper: Shopper) -> None:
        """The connection ended under a request: ask once more where that is allowed, otherwise it is unfinished."""
        may_retry = shopper.is_reused and not shopper.received and not shopper.is_retry
        self._hang_up(shopper)
        if not may_retry:
            self._finish(shopper, status=0)
            return
        shopper.is_retry = True
        self._send(shopper)

    def _take_answers(self, timeout: float) -> None:
        for key, _ in self.selector.select(timeout):
            shopper: Shopper = key.data
            try:
                chunk = b"" if shopper.socket is None else shopper.socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                chunk = b""
            if not shopper.is_waiting:
                self._hang_up(shopper)
            elif not chunk:
                self._lost(shopper)
            else:
                self._read(shopper, chunk)

    def _read(self, shopper: Shopper, chunk: bytes) -> None:
        shopper.received += chunk
        head, separator, body = shopper.received.partition(b"\r\n\r\n")
        if not separator:
            return
        fields = head.lower()
        if len(body) < _content_length(fields):
            return
        if b"\r\nconnection: close" in fields:
            self._hang_up(shopper)
        self._finish(shopper, status=int(head[9:12]))

    def _finish(self, shopper: Shopper, *, status: int) -> None:
        if status == 0:
            self._hang_up(shopper)
        is_degraded = _DEGRADED in shopper.received
        says_when = status in _REFUSALS and b"\r\nretry-after:" in shopper.received.lower()
        self.found.append(
            (shopper.due, shopper.sent, time.monotonic(), status, is_degraded, shopper.is_retry, says_when)
        )
        shopper.is_waiting = False
        self.waiting.discard(shopper)
        self.idle.append(shopper)

    def _give_up_late_ones(self, now: float) -> None:
        for shopper in [shopper for shopper in self.waiting if now - shopper.sent > ANSWER_SECONDS]:
            self._finish(shopper, status=0)


def _content_length(lowered_head: bytes) -> int:
    _, separator, rest = lowered_head.partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n", 1)[0]) if separator else 0


if __name__ == "__main__":
    crowd = Crowd(Plan.from_json(sys.stdin.read()))
    signal.signal(signal.SIGTERM, lambda *_: crowd.stop())
    np.save(sys.argv[1], crowd.run(), allow_pickle=False)
