"""The peers of the hot path: the same HTTP server, and behind it an app that does nothing, or only reads.

``python -m benchmarks.bare_server PORT FILE`` answers every request with the bytes of FILE, from granian with the
options that `serving.server` gives it. What it can do is the ceiling of any Python app behind that server. It does not
wait for a body, as we do not for a page view: that alone would take a third of its rate.

With ``REDIS_URL VERSION`` behind these, the user in the address is read first, as we read one: the ceiling of any
Python app that asks a store.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces, Loops

from serving.settings import AppSettings
from serving.stores.redis import RedisStores

BODY_VARIABLE = "BENCHMARK_BODY_FILE"
REDIS_VARIABLE, VERSION_VARIABLE = "BENCHMARK_REDIS_URL", "BENCHMARK_VERSION"

Message = dict[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


def create_app() -> App:
    """Build the app of a worker process."""
    body = Path(os.environ[BODY_VARIABLE]).read_bytes()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    rest = {"type": "http.response.body", "body": body}

    async def app(
        _scope: Message, _receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        await send(start)
        await send(rest)

    if REDIS_VARIABLE not in os.environ:
        return app
    store = RedisStores.connect(os.environ[REDIS_VARIABLE], AppSettings()).slates
    version = os.environ[VERSION_VARIABLE]

    async def reading_app(
        scope: Message, _receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        await store.read_user(scope["path"].split("/")[3], version=version)
        await send(start)
        await send(rest)

    return reading_app


def main(port: str, file: str, redis_url: str = "", version: str = "") -> None:
    """Serve until told to stop."""
    os.environ[BODY_VARIABLE] = file
    if redis_url:
        os.environ[REDIS_VARIABLE], os.environ[VERSION_VARIABLE] = redis_url, version
    Granian(
        "benchmarks.bare_server:create_app",
        factory=True,
        address="127.0.0.1",
        port=int(port),
        interface=Interfaces.ASGINL,
        loop=Loops.uvloop,
        workers=1,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
