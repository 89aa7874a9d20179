"""Answers that nobody reads: how long they are kept for a client that takes nothing more of them.

The HTTP server writes for as long as a connection lives. On Linux the kernel can end one whose peer takes nothing, and
is no less patient with a slow one (TCP_USER_TIMEOUT, tcp(7)). Connections inherit that from the socket that listens, so
it is set there, as soon as the server has opened it: after the application has started. Elsewhere nothing happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

UNREAD_SECONDS = 60.0
"""For a client to take something, however little, of what was sent."""

_TRIES, _PAUSE_SECONDS = 200, 0.05


def limit_unread_soon(seconds: float = UNREAD_SECONDS, *, tries: int = _TRIES) -> None:
    """Limit it once something listens; nothing does in a program that only calls the application."""
    if not limit_unread(seconds) and tries > 1:
        again = asyncio.get_running_loop().call_later
        again(_PAUSE_SECONDS, lambda: limit_unread_soon(seconds, tries=tries - 1))


def limit_unread(seconds: float) -> int:
    """Let the kernel end connections whose clients take nothing for so long; return how many sockets listen."""
    if sys.platform != "linux":
        return 0
    count = 0
    for listening in _listening():
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))
        count += 1
    return count


def _listening() -> Iterator[socket.socket]:
    """Yield this process's TCP sockets that accept connections; they stay open."""
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # no socket, or closed meanwhile
            found = socket.socket(fileno=int(entry.name))
            try:
                is_tcp = found.family in {socket.AF_INET, socket.AF_INET6} and found.type == socket.SOCK_STREAM
                if is_tcp and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    yield found
            finally:
                found.detach()
