"""Connections of clients, as the kernel knows them: the HTTP server waits for as long as one lives.

Whoever takes nothing of an answer keeps it in memory. On Linux the kernel ends such a connection, and is patient with
one that is merely slow (TCP_USER_TIMEOUT, tcp(7)). Connections inherit that from the socket that listens, so it is set
there, as soon as the server has opened it: after the application has started. Elsewhere nothing happens.
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


def limit_unread(seconds: float) -> bool:
    """Let the kernel end connections whose clients take nothing for so long; say whether anything listens."""
    listens = False
    for found in _tcp_sockets():
        if _listens(found):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))
            listens = True
    return listens


def end_all(ports: frozenset[int]) -> None:
    """End every connection that clients have made to these ports; what was not sent by now is lost."""
    for found in _tcp_sockets():
        with contextlib.suppress(OSError):
            if not _listens(found) and found.getsockname()[1] in ports:
                found.shutdown(socket.SHUT_RDWR)


def listening_ports() -> frozenset[int]:
    """Return on which ports this process answers."""
    return frozenset(found.getsockname()[1] for found in _tcp_sockets() if _listens(found))


def _listens(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _tcp_sockets() -> Iterator[socket.socket]:
    """Yield this process's TCP sockets; they stay open."""
    for entry in Path("/proc/self/fd").iterdir() if sys.platform == "linux" else ():
        with contextlib.suppress(OSError):  # no socket, or closed meanwhile
            found = socket.socket(fileno=int(entry.name))
            try:
                if found.family in {socket.AF_INET, socket.AF_INET6} and found.type == socket.SOCK_STREAM:
                    yield found
            finally:
                found.detach()
