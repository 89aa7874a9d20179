"""A way to one Redis server that is kept open: as long as the server lives, there is a `Wire` to it.

A lost wire is replaced in the background, after pauses that grow up to half a second and differ between processes.
Until then requests are refused at once: a server that is away costs them nothing. Only where the server is likely to
be there (on first use, and after it hung up on a wire that had worked for a while) may they wait for the first try.

Nothing is opened before it is needed. A lane belongs to the event loop that uses it; where another loop takes over
(tests, short programs), it starts anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random

from recommender.errors import StoreUnavailable
from serving.stores.breaker import BreakerState
from serving.stores.node import Node, welcomed
from serving.stores.presence import Presence, told
from serving.stores.resp import encode
from serving.stores.wire import MAX_WAITING, Wire

CONNECT_SECONDS = 1.0
"""A try to connect takes at least this long before it is given up; no request waits for it longer than it may."""
FIRST_PAUSE_SECONDS = 0.02
MAX_PAUSE_SECONDS = 0.5
"""A server that is back is found within this time."""
SETTLED_SECONDS = 1.0
"""A wire that lived this long is no sign of trouble: its successor is opened without a pause."""

_log = logging.getLogger(__name__)


class Lane:
    """Keeps a wire to one node."""

    def __init__(
        self,
        node: Node,
        presence: Presence,
        *,
        timeout_seconds: float,
        max_waiting: int = MAX_WAITING,
        max_pause_seconds: float = MAX_PAUSE_SECONDS,
    ) -> None:
        self.wire: Wire | None = None
        """Ready for requests of the loop it belongs to; None while there is none."""
        self.lost = 0
        """How many wires have ended unasked."""
        self._node = node
        self._presence = presence
        self._timeout = timeout_seconds
        self._max_waiting = max_waiting
        self._max_pause = max_pause_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._first_try: asyncio.Future[None] | None = None
        self._joined = 0
        self._pause = 0.0
        self._up_since = 0.0
        self._closed = False

    @property
    def state(self) -> BreakerState:
        """Whether requests are let through; half-open while they may wait for a connection."""
        if self.wire is not None or self._keeper is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._first_try is not None else BreakerState.OPEN

    async def up(self) -> Wire:
        """Return a wire of the running loop, connecting first if that is promising.

        Raises
        ------
        StoreUnavailable
            If there is none, or not in time.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._move_to(loop)
        if self.wire is None and not self._closed:
            if self._keeper is None:
                self._restore(loop, promising=True)
            await self._first()
        if self.wire is None:
            what = "the store was closed" if self._closed else "a connection is tried in the background"
            raise StoreUnavailable(f"Redis at {self._presence.where} is away; {what}")
        return self.wire

    async def round_trip(self) -> bool:
        """Send a PING between the requests, and wait for its reply; False without a wire of the running loop."""
        wire = self.wire
        if wire is None or wire.loop is not asyncio.get_running_loop():
            return False
        return await wire.ask(encode("PING"), 1, welcomed)

    async def close(self) -> None:
        """Hang up; requests that wait fail, and later ones too."""
        self._closed = True
        if self._loop is asyncio.get_running_loop():
            keeper = self._keeper
            self._let_go()
            if keeper is not None:
                await asyncio.wait([keeper])
            await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn

    async def _first(self) -> None:
        """Wait for the first try, if it is still under way and not too many do."""
        if self._first_try is None or self._joined >= self._max_waiting:
            return
        self._joined += 1
        try:
            await asyncio.wait([self._first_try], timeout=self._timeout)
        finally:
            self._joined -= 1

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None and not self._loop.is_closed():
            if self._loop.is_running():
                raise RuntimeError("one connection cannot serve two event loops that run at the same time")
            self._let_go()
        self.wire, self._keeper, self._first_try, self._joined = None, None, None, 0
        self._loop = loop

    def _let_go(self) -> None:
        wire, self.wire = self.wire, None
        if wire is not None:
            wire.end("the store was closed")
        if self._keeper is not None:
            self._keeper.cancel()
        self._tried()

    def _lost(self, wire: Wire, reason: str) -> None:
        """Start over; called when a wire ends."""
        if wire is not self.wire:
            return
        self.wire = None
        self.lost += 1
        self._presence.failed(reason)
        _log.info("the connection to Redis at %s is given up: %s", self._presence.where, told(reason))
        settled = wire.loop.time() - self._up_since >= SETTLED_SECONDS
        self._pause = 0.0 if settled else self._longer_pause()
        self._restore(wire.loop, promising=settled and wire.hung_up)

    def _restore(self, loop: asyncio.AbstractEventLoop, *, promising: bool) -> None:
        self._first_try = loop.create_future() if promising else None
        self._keeper = loop.create_task(self._keep_trying(loop))

    async def _keep_trying(self, loop: asyncio.AbstractEventLoop) -> None:
        while self.wire is None:
            await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311  spreads tries, keeps no secret
            try:
                self.wire = await self._connected(loop)
            except Exception as error:  # noqa: BLE001  whatever it is, the next try may succeed
                self._presence.failed(str(error) or f"no connection within {self._connect_seconds:g} s")
                self._pause = self._longer_pause()
            else:
                self._up_since = loop.time()
                self._presence.succeeded()
            self._tried()
        self._keeper = None

    async def _connected(self, loop: asyncio.AbstractEventLoop) -> Wire:
        """Connect, introduce oneself, and return a wire on which requests are welcome."""
        wire = Wire(
            loop,
            where=self._presence.where,
            timeout_seconds=self._connect_seconds,
            max_waiting=self._max_waiting,
            on_end=self._lost,
        )
        try:
            async with asyncio.timeout(self._connect_seconds):
                await self._node.connect(lambda: wire)
                await self._introduce(wire)
        except BaseException:
            wire.end("no connection was made")
            raise
        if wire.ended is not None:
            raise StoreUnavailable(wire.ended)
        return wire

    async def _introduce(self, wire: Wire) -> None:
        """Say who we are; a server that took long over it must show that it can answer in time."""
        introduction, started = self._node.introduction, wire.loop.time()
        await wire.ask(b"".join(introduction), len(introduction), welcomed)
        wire.grant(self._timeout)
        if wire.loop.time() - started > self._timeout:
            await wire.ask(introduction[-1], 1, welcomed)

    @property
    def _connect_seconds(self) -> float:
        return max(CONNECT_SECONDS, self._timeout)

    def _tried(self) -> None:
        first, self._first_try = self._first_try, None
        if first is not None:
            with contextlib.suppress(asyncio.InvalidStateError):
                first.set_result(None)

    def _longer_pause(self) -> float:
        return min(max(2 * self._pause, FIRST_PAUSE_SECONDS), self._max_pause)
