"""Where one Redis server is, and what is said to it first: AUTH, SELECT and a PING.

The address is read by redis-py, so that it means here what it means there. Options that concern a pool or its
timeouts (``max_connections``, ``socket_timeout`` …) mean nothing to a single connection and are left aside.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection, parse_url

from serving.stores.resp import encode

P = TypeVar("P", bound=asyncio.BaseProtocol)


@dataclass(frozen=True, slots=True)
class Node:
    """The address of one server; `path` is that of a unix socket."""

    host: str
    port: int
    path: str | None = None
    tls: ssl.SSLContext | None = None
    introduction: tuple[bytes, ...] = field(default=(encode("PING"),), repr=False)
    """Encoded commands that are said first."""

    @classmethod
    def of(cls, url: str) -> Node:
        """Read a redis://, rediss:// or unix:// address.

        Raises
        ------
        ValueError, RedisError, OSError
            If it makes no sense, or names certificates that cannot be read.
        """
        options: dict[str, Any] = dict(parse_url(url))
        kind = options.get("connection_class")
        tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
        return cls(
            host=options.get("host", "localhost"),
            port=options.get("port", 6379),
            path=options.get("path", "") if kind is UnixDomainSocketConnection else None,
            tls=SSLConnection(**tls).ssl_context.get() if kind is SSLConnection else None,
            introduction=tuple(_introduction(options)),
        )

    def at(self, host: str, port: int) -> Node:
        """Return another server that is reached in the same way."""
        return replace(self, host=host, port=port)

    async def connect(self, factory: Callable[[], P]) -> P:
        """Open a connection and return its protocol.

        Raises
        ------
        OSError
            If nobody listens there.
        """
        loop = asyncio.get_running_loop()
        if self.path is not None:
            return (await loop.create_unix_connection(factory, self.path))[1]
        transport, protocol = await loop.create_connection(factory, self.host, self.port, ssl=self.tls)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return protocol

    def label(self) -> str:
        """Return how messages call this server; no password is in it."""
        return f"{self.host}:{self.port}" if self.path is None else self.path


def welcomed(replies: list[Any]) -> bool | None:
    """Read the replies to an introduction: a server that refuses a part of it cannot be used."""
    return all(reply in (b"OK", b"PONG") for reply in replies) or None


def _introduction(options: dict[str, Any]) -> list[bytes]:
    user, password, name = (options.get(key) for key in ("username", "password", "client_name"))
    commands = []
    if user or password:
        commands.append(encode("AUTH", *([user] if user else []), password or ""))
    if name:
        commands.append(encode("CLIENT", "SETNAME", name))
    if database := options.get("db"):
        commands.append(encode("SELECT", database))
    return [*commands, encode("PING")]
