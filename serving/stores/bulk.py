"""Many commands to one Redis node, as fast as it takes them and no faster than its readers bear.

Commands are built as bytes, a few dozen records each, written to a connection of their own with few of them on the
way, and every reply is looked at: the first refusal stops the work. A second connection feels what readers feel (see
`pace`). redis-py makes the connections, so that every address it understands works here too: sockets, TLS, passwords.

Nothing here is asynchronous: whoever has an event loop calls from a thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from redis import ConnectionPool
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from recommender.errors import StoreUnavailable
from serving.settings import masked
from serving.stores.pace import Pace

WINDOW = 2
"""Commands on the way: the next ones are built while the server works on the last. Between two it serves others."""
PROBE_EVERY = 4
"""Commands between two looks at how others fare: less than a millisecond."""
QUIET_PROBES = 50
"""Round trips that say how long a reader waits while nothing is written."""

_FAILURES = (RedisError, OSError, EOFError)
_PING = b"*1\r\n$4\r\nPING\r\n"


class Bulk:
    """A connection for a lot of work, and one beside it that tells how others fare.

    Not safe to use from two threads at once.
    """

    def __init__(self, pool: ConnectionPool, *, where: str, delay_seconds: float) -> None:
        self._where = where
        self._delay_seconds = delay_seconds
        self._pool = pool
        self._work: Any = None
        self._probe: Any = None
        self._pace = Pace([0.0], delay_seconds=delay_seconds)
        self._sent = 0
        self.client_id = ""
        """What the server calls the connection that does the work; empty if it does not say."""

    @classmethod
    def to(cls, url: str, *, timeout_seconds: float, delay_seconds: float) -> Bulk:
        """Prepare connections to `url`; nothing is sent before the first command."""
        pool = ConnectionPool.from_url(
            url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds, protocol=2, driver_info=None
        )
        return cls(pool, where=masked(url), delay_seconds=delay_seconds)

    def connect(self) -> None:
        """Connect if there is no connection, and learn how fast the server answers while nothing is written.

        Raises
        ------
        StoreUnavailable
            If it does not answer.
        """
        if self._work is not None:
            return
        try:
            self._work, self._probe = self._pool.make_connection(), self._pool.make_connection()
            self._work.connect()
            self._probe.connect()
            self.client_id = self._number()
            self._pace = Pace([self._waited() for _ in range(QUIET_PROBES)], delay_seconds=self._delay_seconds)
        except _FAILURES as error:
            raise self._given_up(error) from error

    def run(self, commands: Iterable[bytes]) -> list[Any]:
        """Send commands at the pace that readers bear, and return the replies.

        Raises
        ------
        StoreUnavailable
            If the server refuses one or does not answer; what was on the way may have been done.
        """
        self.connect()
        replies: list[Any] = []
        before = self._sent
        try:
            for packed in commands:
                self._work.send_packed_command([packed], check_health=False)
                self._sent += 1
                if self._sent % PROBE_EVERY == 0 and (pause := self._pace.pause_after(self._waited())):
                    time.sleep(pause)
                if self._sent - before - len(replies) >= WINDOW:
                    replies.append(self._reply())
            while len(replies) < self._sent - before:
                replies.append(self._reply())
        except _FAILURES as error:
            raise self._given_up(error) from error
        except BaseException:
            self.close()
            raise
        return replies

    def close(self) -> None:
        """Let go of the connections; what was on the way is not waited for."""
        for connection in (self._work, self._probe):
            if connection is not None:
                connection.disconnect()
        self._work = self._probe = None

    def _reply(self) -> Any:
        return self._work.read_response(disable_decoding=True)

    def _number(self) -> str:
        """Ask who we are; a server that does not let everybody know makes nobody wait for it."""
        self._work.send_packed_command([command("CLIENT", "ID")], check_health=False)
        try:
            return str(self._reply())
        except ResponseError:
            return ""

    def _waited(self) -> float:
        start = time.perf_counter()
        self._probe.send_packed_command([_PING], check_health=False)
        self._probe.read_response(disable_decoding=True)
        return time.perf_counter() - start

    def _given_up(self, error: BaseException) -> StoreUnavailable:
        """Drop the connections, whose replies can no longer be told apart, and say what went wrong."""
        self.close()
        if isinstance(error, OutOfMemoryError):
            return StoreUnavailable(
                f"Redis at {self._where} is full ({error}): give it more memory (maxmemory), or make room in it"
            )
        return StoreUnavailable(f"Redis at {self._where} did not answer: {str(error) or type(error).__name__}")


def command(*words: str | bytes | int) -> bytes:
    r"""Return a command as Redis reads it.

    >>> command("GET", b"a:b")
    b'*2\r\n$3\r\nGET\r\n$3\r\na:b\r\n'
    """
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])


def set_many(prefix: bytes, records: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the command that sets ``prefix + name`` for each record: all of them at once, or none."""
    length = len(prefix)
    pairs = [
        b"$%d\r\n%b%b\r\n$%d\r\n%b\r\n" % (length + len(name), prefix, name, len(value), value)
        for name, value in [(name.encode(), value) for name, value in records]
    ]
    return b"*%d\r\n$4\r\nMSET\r\n" % (1 + 2 * len(pairs)) + b"".join(pairs)
