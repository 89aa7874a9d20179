"""A road to a server that can be made bad: slow, cut into slices, silent, broken off, garbled, closed.

::

    with FaultProxy("unix:///data/valkey.sock", folder=Path("/tmp/x")) as proxy:
        client = connect(proxy.url)             # as good as the server itself
        proxy.become(Faults(slice_bytes=3, latency_seconds=0.02))
        proxy.reset()                           # every connection breaks off
        proxy.listen(on=False)                  # and no new one is accepted
        proxy.become(Faults())                  # good again

It forwards TCP and unix sockets alike and knows nothing of what travels. It runs in a thread and an event loop of its
own: every method may be called from any thread, and has taken effect when it returns.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast
from urllib.parse import quote, unquote, urlsplit

from benchmarks.faults.road import BrokenRoad, Faults, Weather, both_ways

T = TypeVar("T")

CALL_SECONDS = 10.0
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for a connection that is reset, not closed."""


class FaultProxy:
    """Stands in front of the server at `target`, a unix:// address or one with host and port."""

    def __init__(self, target: str, *, folder: Path | None = None, seed: int = 0) -> None:
        self._target = urlsplit(target)
        self._path = None if folder is None else folder / "proxy.sock"
        self._port = 0
        self._weather = Weather(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._roads: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self.accepted = 0
        """Connections so far."""

    def __enter__(self) -> Self:
        self._thread.start()
        self.become(Faults())
        self.listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """The address of the proxy, with the user, database and options of the target's."""
        query = f"?{self._target.query}" if self._target.query else ""
        if self._path is not None:
            return f"unix://{self._credentials}{quote(str(self._path))}{query}"
        scheme, path = self._target.scheme, self._target.path
        if scheme == "unix":
            scheme, path = "redis", ""
        return f"{scheme}://{self._credentials}127.0.0.1:{self._port}{path}{query}"

    def become(self, faults: Faults) -> None:
        """Change how bad the road is, also for connections that are open."""
        self._call(self._become(faults))

    def listen(self, *, on: bool = True) -> None:
        """Accept connections, or refuse them; those that are open stay."""
        self._call(self._listen(on=on))

    def reset(self) -> None:
        """Break off every connection."""
        self._call(self._break_off(politely=False))

    def hang_up(self) -> None:
        """Close every connection as a server does that ends in peace."""
        self._call(self._break_off(politely=True))

    def say(self, words: bytes) -> None:
        """Send words of our own to every client, now."""
        self._call(self._say(words))

    @property
    def _credentials(self) -> str:
        user, at, _ = self._target.netloc.rpartition("@")
        return user + at

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)

    async def _become(self, faults: Faults) -> None:
        self._weather.become(faults)

    async def _listen(self, *, on: bool) -> None:
        if not on and self._server is not None:
            self._server.close()
            self._server = None
            if self._path is not None:
                self._path.unlink(missing_ok=True)
        elif on and self._server is None and self._path is not None:
            self._server = await asyncio.start_unix_server(self._accept, self._path)
        elif on and self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _break_off(self, *, politely: bool) -> None:
        for client in list(self._clients):
            _end(client, politely=politely)
        for road in list(self._roads):
            road.cancel()
        if self._roads:
            await asyncio.wait(self._roads)

    async def _say(self, words: bytes) -> None:
        for client in self._clients:
            client.write(words)

    async def _stop(self) -> None:
        await self._listen(on=False)
        await self._break_off(politely=False)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        road = cast("asyncio.Task[None]", asyncio.current_task())
        self._roads.add(road)
        self._clients.add(writer)
        server: asyncio.StreamWriter | None = None
        try:
            replies, server = await self._reach()
            await both_ways((reader, server), (replies, writer), self._weather)
        except (OSError, BrokenRoad, asyncio.CancelledError) as end:
            _end(writer, politely=not isinstance(end, BrokenRoad))
        finally:
            for side in (writer, server):
                if side is not None:
                    side.close()
            self._clients.discard(writer)
            self._roads.discard(road)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._target.scheme == "unix":
            return await asyncio.open_unix_connection(unquote(self._target.path))
        return await asyncio.open_connection(self._target.hostname, self._target.port)


def _end(writer: asyncio.StreamWriter, *, politely: bool) -> None:
    """Close a connection; impolitely, what was not sent yet is lost, and TCP says RST."""
    if writer.is_closing():
        return
    if politely:
        writer.close()
        return
    connection = writer.get_extra_info("socket")
    if connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
