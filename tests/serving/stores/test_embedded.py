"""The embedded server lives exactly as long as it should."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recommender.errors import StoreUnavailable
from serving.stores import embedded

CHILD = """
import sys, time
from pathlib import Path
from serving.stores import embedded
with embedded.running(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(60)
"""


def ask(at: Path, command: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(at))
        connection.sendall(command + b"\r\n")
        return connection.recv(1024)


def socket_of(data_dir: Path) -> Path:
    return embedded.socket_path((data_dir / "valkey").resolve())


def child(data_dir: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("unix://")
    return process


def wait_until_gone(at: Path) -> None:
    deadline = time.monotonic() + 20
    while embedded.answers(at):
        assert time.monotonic() < deadline, "the server outlived its program"
        time.sleep(0.05)


def wait_for_lines(log: pytest.LogCaptureFixture, lines: int) -> None:
    deadline = time.monotonic() + 20
    while len(log.messages) < lines:
        assert time.monotonic() < deadline, f"there are only {log.messages}"
        time.sleep(0.05)


def test_data_outlive_the_server(tmp_path: Path) -> None:
    """What was written is there again at the next start, and the server is gone in between."""
    with embedded.running(tmp_path):
        assert ask(socket_of(tmp_path), b"SET k v").startswith(b"+OK")
    assert not embedded.answers(socket_of(tmp_path))
    with embedded.running(tmp_path):
        assert ask(socket_of(tmp_path), b"GET k") == b"$1\r\nv\r\n"


def test_it_listens_on_no_port(tmp_path: Path) -> None:
    """Only the owner of the folder can reach it, through the socket."""
    with embedded.running(tmp_path) as url:
        assert url == f"unix://{socket_of(tmp_path)}"
        assert b"port\r\n$1\r\n0" in ask(socket_of(tmp_path), b"CONFIG GET port")
        assert socket_of(tmp_path).stat().st_mode & 0o077 == 0


def test_second_program_joins_the_first(tmp_path: Path) -> None:
    """Two users of one folder share one server, and the one that joined does not stop it."""
    with embedded.running(tmp_path) as first:
        with embedded.running(tmp_path) as second:
            assert first == second
        assert embedded.answers(socket_of(tmp_path))


def pid_of(at: Path) -> int:
    lines = ask(at, b"INFO server").decode().splitlines()
    return int(next(line for line in lines if line.startswith("process_id:")).partition(":")[2])


def wait_until_it_runs(at: Path) -> None:
    deadline = time.monotonic() + 30
    while not embedded.answers(at):
        assert time.monotonic() < deadline, "the server was not started again"
        time.sleep(0.05)


def test_a_killed_server_is_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Same address, same data, and one line each for its death and its return."""
    at = socket_of(tmp_path)
    with caplog.at_level(logging.WARNING), embedded.running(tmp_path):
        ask(at, b"CONFIG SET appendfsync always")
        ask(at, b"SET k v")
        os.kill(pid_of(at), signal.SIGKILL)
        wait_until_gone(at)
        wait_until_it_runs(at)
        assert ask(at, b"GET k") == b"$1\r\nv\r\n"
        wait_for_lines(caplog, 2)
    assert [message.rpartition(" has ")[2] for message in caplog.messages[:1]] == ["died; it is started again"]
    assert [message.endswith("runs again") for message in caplog.messages] == [False, True]
    assert not embedded.answers(at)


def test_the_second_program_takes_over(tmp_path: Path) -> None:
    """A program that joined keeps its store when the one that started it ends."""
    at = socket_of(tmp_path)
    first = child(tmp_path)
    with embedded.running(tmp_path):
        first.kill()
        first.communicate()
        wait_until_gone(at)
        wait_until_it_runs(at)
    assert not embedded.answers(at)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_it_dies_with_its_program(tmp_path: Path, how: signal.Signals) -> None:
    """Not even a program that was killed leaves a server behind, and the next start works."""
    process = child(tmp_path)
    assert embedded.answers(socket_of(tmp_path))
    process.send_signal(how)
    process.communicate()
    wait_until_gone(socket_of(tmp_path))
    with embedded.running(tmp_path):
        assert embedded.answers(socket_of(tmp_path))


def test_stale_socket_is_replaced(tmp_path: Path) -> None:
    """A socket file nobody listens on is no obstacle."""
    at = socket_of(tmp_path)
    at.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(at))
    with embedded.running(tmp_path):
        assert embedded.answers(at)


def test_long_and_awkward_folders(tmp_path: Path) -> None:
    """A path longer than a socket's may be, with spaces and quotes, works from elsewhere."""
    folder = tmp_path / ('a "quoted" folder 空 ' + "x" * 90)
    folder.mkdir()
    with embedded.running(folder):
        at = socket_of(folder)
        assert len(os.fsencode(at)) <= embedded.MAX_SOCKET_PATH
        assert embedded.answers(at)
        assert (folder / "valkey" / "valkey.log").exists()


def test_damaged_data_say_so(tmp_path: Path) -> None:
    """A server that cannot read its data does not start, and the error holds its reason."""
    with embedded.running(tmp_path):
        ask(socket_of(tmp_path), b"SET k v")
    for file in (tmp_path / "valkey" / "appendonlydir").iterdir():
        file.write_bytes(b"this is not an append-only file\r\n" * 40)
    with pytest.raises(StoreUnavailable, match=r"(?s)did not start; its log ends:.*"):
        embedded.running(tmp_path).__enter__()
    assert not embedded.answers(socket_of(tmp_path))
