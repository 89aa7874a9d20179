"""One connection to a Redis server, from its first byte to its end, shared by every request of a process.

The requests of one turn of the event loop are collected and written at once; replies come in the order of the
requests, and each request's `Reading` turns its replies into a result. That order is all that tells whose reply is
whose, so it is put to the proof: behind the requests of a turn goes a PING with a number, and no result is handed
out before that number has come back in its place. One reply too many or too few, from a server, a broken proxy or
a bug of ours, therefore costs answers, and does not show one customer what is meant for another.

Whatever casts doubt on the order ends the wire, and every waiting request fails: a reply that is late, that has
another shape than was asked for, that nobody asked for, or that is no reply at all. A wire is never used again; a
request that nobody waits for any more keeps its place in the queue.

One timer watches over the wire, not one over each request: the age of the oldest request decides.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, cast

import hiredis

from recommender.errors import StoreUnavailable
from serving.stores.presence import told

T = TypeVar("T")
Reading = Callable[[list[Any]], T | None]
"""Turns the replies to one request into its result; None if they have another shape than was asked for."""

MAX_WAITING = 4096
"""Requests; a server that is this far behind answers none of them in time."""
GRACE_SECONDS = 0.005
"""A loop that was held up runs its timers before it reads what has arrived meanwhile: look twice before giving up."""

_NOT_YET = object()
_LOADING = "LOADING"
"""A server that answers so answers everybody so; it counts as away."""
_PROOF = b"*2\r\n$4\r\nPING\r\n$10\r\n%010d\r\n"
_PROOFS = 10**10
"""So many proofs differ: as many as ten digits allow."""


class Refused(StoreUnavailable):
    """The server answered one request with an error; the wire goes on."""

    def __init__(self, where: str, error: str) -> None:
        super().__init__(f"Redis at {where} refused: {told(error)}")
        self.error = error


class _Doubt(Exception):
    """The next reply may not belong to the oldest request."""


class Wire(asyncio.Protocol):
    """Sends requests and matches replies; see the module."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        where: str,
        timeout_seconds: float,
        max_waiting: int = MAX_WAITING,
        on_end: Callable[[Wire, str], None] = lambda _wire, _reason: None,
    ) -> None:
        self.loop = loop
        self.ended: str | None = None
        """Why it was given up; None while it can be used."""
        self.hung_up = False
        """Whether the other side ended it."""
        self._where = where
        self._timeout = timeout_seconds
        self._max_waiting = max_waiting
        self._on_end = on_end
        self._reader = hiredis.Reader(notEnoughData=_NOT_YET)
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._unsent: list[bytes] = []
        self._waiting: deque[tuple[asyncio.Future[Any] | None, int, Reading[Any], float]] = deque()
        """A proof has no future."""
        self._replies: list[Any] = []
        """The first of those to the oldest request."""
        self._unproven: list[tuple[asyncio.Future[Any], Any]] = []
        """Results that no proof has followed yet."""
        self._proof = random.randrange(_PROOFS)  # noqa: S311  another number on every wire, no secret
        self._turn = 0.0

    def ask(self, commands: bytes, n_replies: int, reading: Reading[T]) -> asyncio.Future[T]:
        """Queue encoded commands and return the future result; they leave at the end of this turn of the loop.

        Raises
        ------
        StoreUnavailable
            If the wire has ended, or too many requests wait. The future may raise it, too.
        """
        waiting = self._waiting
        if self.ended is not None or len(waiting) >= self._max_waiting:
            raise self._unavailable(self.ended or f"{self._max_waiting} requests wait already")
        loop = self.loop
        if not self._unsent:
            self._turn = loop.time()
            loop.call_soon(self._send)
        self._unsent.append(commands)
        future: asyncio.Future[T] = loop.create_future()
        waiting.append((future, n_replies, reading, self._turn))
        return future

    def grant(self, timeout_seconds: float) -> None:
        """Let each request wait this long from now on; none may be waiting."""
        self._timeout = timeout_seconds
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def end(self, reason: str) -> None:
        """Give the wire up: every waiting request fails, and nothing more is read or sent."""
        if self.ended is not None:
            return
        self.ended = reason
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        failed = [future for future, _ in self._unproven] + [entry[0] for entry in self._waiting]
        self._unproven.clear()
        self._waiting.clear()
        self._unsent.clear()
        for future in failed:
            if future is not None and not future.done():
                future.set_exception(self._unavailable(reason))
        self._on_end(self, reason)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; part of `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)
        if self.ended is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the other side is gone; part of `asyncio.Protocol`."""
        self.hung_up = self.ended is None
        self.end(f"the connection was lost ({exc or 'closed by the other side'})")

    def data_received(self, data: bytes) -> None:
        """Match replies to requests, oldest first; part of `asyncio.Protocol`."""
        if self.ended is not None:
            return
        gets, replies, waiting = self._reader.gets, self._replies, self._waiting
        try:
            self._reader.feed(data)
            while (reply := gets()) is not _NOT_YET:
                if not waiting:
                    raise _Doubt("it sent what nobody asked for")
                replies.append(reply)
                if len(replies) < waiting[0][1]:
                    continue
                future, _, reading, _ = waiting[0]
                result = reading(replies)
                waiting.popleft()
                if future is None:
                    self._hand_out(proven=result)
                elif result is None:
                    _refuse(future, replies, self._where)
                else:
                    self._unproven.append((future, result))
                replies = self._replies = []
        except _Doubt as doubt:
            self.end(str(doubt))
        except (hiredis.HiredisError, MemoryError, ValueError) as error:
            self.end(f"it does not speak RESP ({error})")

    def _hand_out(self, *, proven: bool | None) -> None:
        """Give their results to the requests that a proof was sent behind."""
        if not proven:
            raise _Doubt("its replies are out of step with the requests")
        for future, result in self._unproven:
            if not future.done():
                future.set_result(result)
        self._unproven.clear()

    def _send(self) -> None:
        if self.ended is not None or not self._unsent:
            return
        assert self._transport is not None
        self._proof = proof = (self._proof + 1) % _PROOFS
        expected = [b"%010d" % proof]
        self._waiting.append((None, 1, expected.__eq__, self._turn))
        self._unsent.append(_PROOF % proof)
        self._transport.write(b"".join(self._unsent))
        self._unsent = []
        if self._watch is None:
            self._watch = self.loop.call_at(self._turn + self._timeout, self._look)

    def _look(self) -> None:
        """Give the oldest request a last moment if its time is over, or come back when it may be."""
        self._watch = None
        if not self._waiting:
            return
        oldest = self._waiting[0]
        due = oldest[-1] + self._timeout
        if due <= self.loop.time():
            self._watch = self.loop.call_later(GRACE_SECONDS, self._judge, oldest)
        else:
            self._watch = self.loop.call_at(due, self._look)

    def _judge(self, overdue: object) -> None:
        if self._waiting and self._waiting[0] is overdue:
            self.end(f"no reply within {1000 * self._timeout:g} ms")
        else:
            self._look()

    def _unavailable(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(f"Redis at {self._where} did not answer: {reason}")


def _refuse(future: asyncio.Future[Any], replies: list[Any], where: str) -> None:
    """Fail one request that was answered with an error."""
    error = next((str(reply) for reply in replies if isinstance(reply, hiredis.ReplyError)), None)
    reason = error or "a reply has another shape than was asked for"
    if not future.done():
        future.set_exception(Refused(where, reason))
    if error is None or error.startswith(_LOADING):
        raise _Doubt(reason)
