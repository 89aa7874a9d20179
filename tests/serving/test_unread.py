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

from tests.serving.patient_server import LONG, UNREAD_SECONDS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_USER_TIMEOUT is Linux's")

REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server that answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serving.patient_server", str(port)],
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
        yield port
    finally:
        process.terminate()
        process.wait(30)


def test_only_clients_that_do_not_read_lose_their_connection(port: int) -> None:
    """Three clients at once: one takes nothing, one a little at a time, one has asked for nothing yet."""
    deaf, slow, idle = (socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(3))
    with deaf, slow, idle:
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


def rest_of(connection: socket.socket) -> int:
    """How many bytes of one long answer still come."""
    connection.settimeout(3)
    taken = 0
    with contextlib.suppress(TimeoutError):
        while chunk := connection.recv(1 << 20):
            taken += len(chunk)
    return taken
