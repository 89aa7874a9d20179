"""Whoever does not read an answer does not keep it for ever; whoever reads slowly gets all of it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.leaving import LAST_SECONDS
from tests.serving.patient_server import LONG

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_USER_TIMEOUT is Linux's")

UNREAD_SECONDS = 2.0
REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"


@contextlib.contextmanager
def patient_server(unread_seconds: float) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server that answers at length, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serving.patient_server", str(port), str(unread_seconds)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            is_starting = process.poll() is None and time.monotonic() < deadline
            assert is_starting
            time.sleep(0.05)
        time.sleep(0.5)  # the limit is set just after the server has begun to listen
        yield process, port
    finally:
        process.terminate()
        process.wait(30)


def connections(port: int, number: int) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(number)]


def test_only_clients_that_do_not_read_lose_their_connection() -> None:
    """Three clients at once: one takes nothing, one a little at a time, one has asked for nothing yet."""
    with patient_server(UNREAD_SECONDS) as (_, port), contextlib.ExitStack() as stack:
        deaf, slow, idle = map(stack.enter_context, connections(port, 3))
        deaf.sendall(REQUEST)
        slow.sendall(REQUEST)
        end = time.monotonic() + 3 * UNREAD_SECONDS
        taken = 0
        while time.monotonic() < end:
            taken += len(slow.recv(300_000))
            time.sleep(0.1)
        with pytest.raises(ConnectionResetError):
            rest_of(deaf)
        assert taken < len(LONG), "the slow client must still be reading when the deaf one has lost its connection"
        assert taken + rest_of(slow) > len(LONG)
        idle.sendall(REQUEST)
        assert idle.recv(100).startswith(b"HTTP/1.1 200")


def test_no_client_keeps_a_server_that_leaves() -> None:
    """Neither one that takes nothing of its answer nor one that has not finished its question."""
    with patient_server(600) as (process, port), contextlib.ExitStack() as stack:
        deaf, slow = map(stack.enter_context, connections(port, 2))
        deaf.sendall(REQUEST)
        slow.sendall(REQUEST[:10])
        time.sleep(0.3)
        told = time.monotonic()
        process.terminate()
        assert process.wait(60) == 0
        assert time.monotonic() - told < LAST_SECONDS + 5


def rest_of(connection: socket.socket) -> int:
    """How many bytes of one long answer still come."""
    connection.settimeout(3)
    taken = 0
    with contextlib.suppress(TimeoutError):
        while chunk := connection.recv(1 << 20):
            taken += len(chunk)
    return taken
