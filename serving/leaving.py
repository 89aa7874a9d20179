"""How a worker comes and goes without a request being lost.

Told to stop (SIGTERM), it goes on answering for a while, and asks every client to come on a new connection next time
(``Connection: close``): those find another server that listens on the same port, or behind the same proxy. ``/readyz``
answers 503 meanwhile, which tells a proxy. Then it stops for good. SIGINT (Ctrl-C) stops it at once. A request whose
body is still on its way a little later was not accepted, and gets a 408; connections that are left then are ended. So
no slow client keeps a worker from moving its events into files.

Come to life, it says so to systemd, if that started it (see sd_notify(3)): ``Type=notify`` then means ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from serving.connections import UNREAD_SECONDS, end_all, limit_unread_soon, listening_ports
from serving.patience import Patience
from serving.problems import Code, problem_response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]

LAST_BODY_SECONDS = 2.0
"""For the body of the last request that is let in."""
LAST_SECONDS = 5.0
"""For everything else that is under way."""
NOTIFY_VARIABLE = "NOTIFY_SOCKET"
READY_PATH = "/readyz"
_CLOSE = (b"connection", b"close")


class Leaving:
    """Wraps the whole application of a worker process."""

    def __init__(
        self, app: App, *, seconds: float, patience: Patience | None = None, unread_seconds: float = UNREAD_SECONDS
    ) -> None:
        self._app = app
        self._seconds = seconds
        self._patience = patience
        self._unread_seconds = unread_seconds
        self._leaves = False

    def __call__(self, scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass everything on; what changes while leaving are answers. Not a coroutine around another one, for speed."""
        if scope["type"] == "lifespan":
            return self._app(scope, receive, self._arriving(send))
        if self._leaves and scope["type"] == "http":
            return self._last_answer(scope, receive, _closing(send))
        return self._app(scope, receive, send)

    def leave(self) -> None:
        """Begin to leave; the server's own handler of SIGINT ends it."""
        if not self._leaves:
            self._leaves = True
            loop = asyncio.get_running_loop()
            loop.call_later(self._seconds, os.kill, os.getpid(), signal.SIGINT)
            # The port must be asked for now: after SIGINT nothing listens any more.
            loop.call_later(self._seconds + LAST_SECONDS, end_all, listening_ports())
            if self._patience is not None:
                self._patience.end_in(self._seconds + LAST_BODY_SECONDS)

    def _arriving(self, send: Send) -> Send:
        async def arrive(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                # By now the server has put its own handler in place of which this one stands.
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.leave)
                notify("READY=1")
                limit_unread_soon(self._unread_seconds)
            await send(message)

        return arrive

    async def _last_answer(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["path"] != READY_PATH:
            await self._app(scope, receive, send)
            return
        problem = problem_response(503, Code.LEAVING, "This server was told to stop; ask another one.")
        await problem(scope, receive, send)


def notify(state: str) -> None:
    """Tell systemd something, if it listens; whether it hears is not our business."""
    address = os.environ.get(NOTIFY_VARIABLE)
    if not address:
        return
    # A leading @ stands for the abstract namespace.
    where = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.sendto(state.encode(), where)


def _closing(send: Send) -> Send:
    async def close(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), _CLOSE]
        await send(message)

    return close
