"""A road to Redis that can be cut and mended: a TCP port in front of a unix socket."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit


class Switch:
    """Passes bytes on as long as it is on; off, it drops every connection and takes no new one."""

    def __init__(self, url: str) -> None:
        self._socket = urlsplit(url).path
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """Where to reach Redis by way of this switch."""
        return f"redis://127.0.0.1:{self._port}/0"

    async def on(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def off(self) -> None:
        """Cut them, and wait until nothing of them is left."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _pass_on(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        both = {to_client}
        self._writers |= both
        try:
            redis, to_redis = await asyncio.open_unix_connection(self._socket)
            both.add(to_redis)
            self._writers |= both
            await asyncio.gather(_copy(client, to_redis), _copy(redis, to_client))
        except OSError:
            to_client.transport.abort()
        finally:
            self._writers -= both
            self._passing.discard(task)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await reader.read(65_536):
            writer.write(content)
            await writer.drain()
    writer.transport.abort()
