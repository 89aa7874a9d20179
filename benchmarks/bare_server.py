"""The peer of the hot path: the same HTTP server, and behind it an app that does nothing.

``python -m benchmarks.bare_server PORT FILE`` answers every request with the bytes of FILE, from granian with the
options that `serving.server` gives it. What it can do is the ceiling of any Python app behind that server.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces, Loops

BODY_VARIABLE = "BENCHMARK_BODY_FILE"

Message = dict[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


def create_app() -> App:
    """Build the app of a worker process."""
    body = Path(os.environ[BODY_VARIABLE]).read_bytes()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    rest = {"type": "http.response.body", "body": body}

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"no answer to {scope['type']}")
        while (await receive()).get("more_body"):
            pass
        await send(start)
        await send(rest)

    return app


def main(port: str, file: str) -> None:
    """Serve until told to stop."""
    os.environ[BODY_VARIABLE] = file
    Granian(
        "benchmarks.bare_server:create_app",
        factory=True,
        address="127.0.0.1",
        port=int(port),
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=1,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
