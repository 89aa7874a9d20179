"""The road is as bad as it claims to be: a fault that did nothing would let every test behind it pass."""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.faults.proxy import FaultProxy
from benchmarks.faults.road import Faults

MESSAGE = bytes(range(256)) * 20


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65_536):
                self.request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def echo() -> Iterator[str]:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"redis://shop:secret@127.0.0.1:{server.server_address[1]}/3?client_name=x"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["tcp", "unix"])
def proxy(echo: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[FaultProxy]:
    with FaultProxy(echo, folder=tmp_path if request.param == "unix" else None) as between:
        yield between


@contextlib.contextmanager
def connected(proxy: FaultProxy) -> Iterator[socket.socket]:
    parts = urlsplit(proxy.url)
    if parts.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(parts.path)
            yield connection
    else:
        with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=5) as connection:
            yield connection


def echoed(connection: socket.socket, message: bytes) -> list[bytes]:
    """Send, and return the pieces in which as many bytes came back."""
    connection.sendall(message)
    pieces: list[bytes] = []
    while sum(map(len, pieces)) < len(message):
        pieces.append(connection.recv(65_536))
        if not pieces[-1]:
            break
    return pieces


def test_good_road_changes_nothing(proxy: FaultProxy) -> None:
    """What is sent comes back, and the address keeps user, password and options."""
    with connected(proxy) as connection:
        assert b"".join(echoed(connection, MESSAGE)) == MESSAGE
    assert proxy.accepted == 1
    assert "shop:secret@" in proxy.url
    assert proxy.url.endswith("?client_name=x")


def test_slices(proxy: FaultProxy) -> None:
    """Everything arrives, in small pieces; who is slow to look may find several together."""
    proxy.become(Faults(slice_bytes=9))
    with connected(proxy) as connection:
        tries = [echoed(connection, MESSAGE) for _ in range(10)]
    assert all(b"".join(pieces) == MESSAGE for pieces in tries)
    assert max(map(len, tries)) > 10


def test_latency_counts_both_ways(proxy: FaultProxy) -> None:
    """Fifty milliseconds there, fifty back; what follows closely arrives closely."""
    with connected(proxy) as connection:
        assert b"".join(echoed(connection, b"a")) == b"a"
        proxy.become(Faults(latency_seconds=0.05))
        started = time.perf_counter()
        for _ in range(10):
            connection.sendall(b"a")
            time.sleep(0.002)
        received = b""
        while len(received) < 10:
            received += connection.recv(10)
        assert 0.1 <= time.perf_counter() - started < 0.9


def test_stall_holds_everything_until_it_ends(proxy: FaultProxy) -> None:
    """Nothing comes for a while; then all of it."""
    with connected(proxy) as connection:
        proxy.become(Faults(stalled=True))
        connection.sendall(b"later")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(10)
        proxy.become(Faults())
        connection.settimeout(5)
        assert connection.recv(10) == b"later"


def test_garbage_and_losses_change_replies(proxy: FaultProxy) -> None:
    """Bytes are added, bytes are lost; a word of our own is heard."""
    with connected(proxy) as connection:
        proxy.become(Faults(garbage_every=1))
        pieces = echoed(connection, MESSAGE)
        assert b"".join(pieces)[: len(MESSAGE)] != MESSAGE
    with connected(proxy) as connection:
        proxy.become(Faults(lose_every=1))
        connection.sendall(MESSAGE)
        connection.settimeout(0.2)
        received = b""
        with contextlib.suppress(TimeoutError):
            while piece := connection.recv(65_536):
                received += piece
        assert 0 < len(received) < len(MESSAGE)
        proxy.become(Faults())
        proxy.say(b"boo")
        assert connection.recv(10) == b"boo"


@pytest.mark.parametrize("end", ["reset", "hang_up", "reset_every"])
def test_connections_break_off_and_new_ones_are_made(proxy: FaultProxy, end: str) -> None:
    """Whoever is connected learns of it, and connects again."""
    with connected(proxy) as connection:
        assert b"".join(echoed(connection, b"a")) == b"a"
        if end == "reset_every":
            proxy.become(Faults(reset_every=1))
            connection.sendall(b"a")
        else:
            getattr(proxy, end)()
        try:
            assert connection.recv(10) == b""
        except ConnectionResetError:
            assert end != "hang_up"
    proxy.become(Faults())
    with connected(proxy) as connection:
        assert b"".join(echoed(connection, b"b")) == b"b"


def test_absent_road(proxy: FaultProxy) -> None:
    """Nobody listens; then somebody does, at the same address."""
    address = proxy.url
    proxy.listen(on=False)
    with pytest.raises(OSError, match=r"refused|No such file"), connected(proxy):
        pass
    proxy.listen()
    assert proxy.url == address
    with connected(proxy) as connection:
        assert b"".join(echoed(connection, b"b")) == b"b"
