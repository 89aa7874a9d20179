"""The measuring itself: requests that get no answer, a late one or a strange one are seen as what they are."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.faults.events_kept import Found
from benchmarks.faults.senders import Reported
from benchmarks.faults.traffic import Crowd, Observed
from benchmarks.load import Plan

Behaviour = Callable[[socket.socket, int], bool]
"""Answers the n-th request of a connection; False ends the connection."""


def answer(status: str = "200 OK", body: str = '{"degraded":false}', *, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()


@contextlib.contextmanager
def serving(behave: Behaviour) -> Iterator[int]:
    """A server whose every connection has a thread; yields its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            number = 0
            while connection.recv(65_536) and behave(connection, number):
                number += 1

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def observed(behave: Behaviour, *, requests: int = 20, rate: float = 200.0, connections: int = 4) -> Observed:
    with serving(behave) as port:
        plan = Plan(port, (load.get("/x"),), (requests - 0.5) / rate, connections=connections, rate=rate)
        return Observed(Crowd(plan).run())


def says(content: bytes) -> Behaviour:
    def behave(connection: socket.socket, number: int) -> bool:
        connection.sendall(content)
        return True

    return behave


def test_good_answers_are_counted() -> None:
    """Every request that was due is in the records, with its moments in order."""
    found = observed(says(answer()))
    assert (len(found.records), found.answers, found.failed, found.retried) == (20, 20, 0, 0)
    assert (found.records["due"] <= found.records["sent"]).all()
    assert (found.records["sent"] <= found.records["done"]).all()


@pytest.mark.parametrize(
    ("content", "status", "degraded", "told"),
    [
        (answer("500 Oh"), 500, 0, 0),
        (answer("503 Full", headers="Retry-After: 1\r\n"), 503, 0, 20),
        (answer("429 Slow"), 429, 0, 0),
        (answer(body='{"degraded":true}'), 200, 20, 0),
    ],
)
def test_kinds_of_answers(content: bytes, status: int, degraded: int, told: int) -> None:
    """Statuses, degraded answers and refusals with advice are told apart."""
    found = observed(says(content))
    assert Counter(found.records["status"].tolist()) == {status: 20}
    assert (int(found.degraded.sum()), int(found.records["retry_after"].sum())) == (degraded, told)


def test_half_an_answer_is_unfinished() -> None:
    """A connection that ends in the middle of an answer is no answer, and is not asked again."""

    def behave(connection: socket.socket, number: int) -> bool:
        connection.sendall(answer()[:-3])
        return False

    found = observed(behave)
    assert (found.unfinished, found.retried) == (20, 0)


def test_a_new_connection_that_ends_without_an_answer_is_unfinished() -> None:
    """Only a reused connection may have been closed by chance."""
    found = observed(lambda connection, number: False)
    assert (found.unfinished, found.retried) == (20, 0)


def test_a_reused_connection_that_ends_is_asked_once_more() -> None:
    """A server that ends connections after two answers, just as it is asked a third time, fails nobody."""

    def behave(connection: socket.socket, number: int) -> bool:
        if number == 2:
            return False
        connection.sendall(answer())
        return True

    found = observed(behave, connections=1)
    assert (found.failed, found.unfinished) == (0, 0)
    assert found.retried > 3


def test_a_stall_shows_in_all_that_it_delayed() -> None:
    """Time counts from when a request was due, also for those that had to wait for a connection."""

    def behave(connection: socket.socket, number: int) -> bool:
        if number == 5:
            time.sleep(0.3)
        connection.sendall(answer())
        return True

    found = observed(behave, requests=60, connections=1)
    assert found.answers == 60
    assert found.latency_ms(0.5) > 50
    assert found.latency_ms(0.5, since="sent") < found.latency_ms(0.5)


def test_nobody_at_the_address_is_unfinished() -> None:
    """A refused connection fails its request, and the next one tries again."""
    with serving(says(answer())) as port:
        pass
    plan = Plan(port, (load.get("/x"),), 0.1, connections=2, rate=100.0)
    found = Observed(Crowd(plan).run())
    assert found.unfinished == len(found.records)
    assert len(found.records) in {10, 11}, "the last is due when the plan ends, give or take a rounding"


@pytest.mark.parametrize(
    "plan", [Plan(1, (b"",), 1.0), Plan(1, (b"",), 1e9, rate=1.0), Plan(1, (b"",), 1.0, rate=1.0, host="192.0.2.1")]
)
def test_what_cannot_be_carried_out_is_refused(plan: Plan) -> None:
    """Load goes to this machine, at a rate, and ends."""
    with pytest.raises(ValueError, match=r"loopback|at a rate"):
        Crowd(plan)


def test_lost_and_repeated_events_are_seen(tmp_path: Path) -> None:
    """An accepted event that is in no file is lost; one that was never answered may be there or not, but once."""
    reported = Reported(accepted={"a", "b", "c"}, abandoned={"d"})
    found = Found(reported, Counter({"a": 1, "b": 2, "d": 1, "x": 1}), waiting=0, kills=0, calm_rate=0)
    assert (found.lost, found.repeated, found.invented) == (1, 1, 1)
