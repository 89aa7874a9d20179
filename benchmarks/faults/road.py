"""What may happen to bytes on their way, in both directions of one connection."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

GARBAGE = (b"\x00\xff\x80garbage", b"$5\r\n", b":1\r\n", b"$-1\r\n", b"*0\r\n", b"+OK\r\n", b"-ERR\r\n", b"\r\n", b"0")
"""Some of it looks like the protocol of Redis."""
LOSE_BYTES = 16
"""At most so many are lost at a time."""

_CHUNK = 65_536
_AHEAD = 256
"""Chunks under way per direction; beyond that the sender has to wait."""

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
"""Where one direction comes from and goes to."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How bad a road is; as it stands here, not at all."""

    latency_seconds: float = 0.0
    """Each way; what is sent meanwhile follows at the same distance."""
    slice_bytes: int = 0
    """Everything travels in pieces of one to this many bytes; 0 for as it comes."""
    stalled: bool = False
    """Nothing arrives, either way, until this ends."""
    garbage_every: int = 0
    """On average once in so many bytes of replies, something is slipped in; 0 for never."""
    lose_every: int = 0
    """On average once in so many bytes of replies, a few are lost."""
    reset_every: int = 0
    """On average once in so many bytes of replies, the connection breaks off."""


class BrokenRoad(Exception):
    """The connection breaks off here."""


class Weather:
    """The faults of the moment, and the luck with them."""

    def __init__(self, seed: int) -> None:
        self.faults = Faults()
        self.random = random.Random(seed)
        self._moving = asyncio.Event()
        self._moving.set()

    def become(self, faults: Faults) -> None:
        """Change the faults, also for what is under way."""
        self.faults = faults
        if faults.stalled:
            self._moving.clear()
        else:
            self._moving.set()

    async def let_pass(self, since: float) -> None:
        """Hold up what set out at `since`, in seconds of the loop."""
        loop = asyncio.get_running_loop()
        if (wait := since + self.faults.latency_seconds - loop.time()) > 0:
            await asyncio.sleep(wait)
        await self._moving.wait()

    def spoil(self, data: bytes) -> bytes:
        """Slip something into replies, or lose a few bytes of them.

        Raises
        ------
        BrokenRoad
            If the connection breaks off.
        """
        if self._strikes(self.faults.reset_every, data):
            raise BrokenRoad
        at = self.random.randrange(len(data))
        if self._strikes(self.faults.garbage_every, data):
            data = data[:at] + self.random.choice(GARBAGE) + data[at:]
        if self._strikes(self.faults.lose_every, data):
            data = data[:at] + data[at + self.random.randint(1, LOSE_BYTES) :]
        return data

    def pieces(self, data: bytes) -> list[bytes]:
        """Cut what is sent."""
        longest = self.faults.slice_bytes
        if not longest:
            return [data]
        pieces, start = [], 0
        while start < len(data):
            end = start + self.random.randint(1, longest)
            pieces.append(data[start:end])
            start = end
        return pieces

    def _strikes(self, every: int, data: bytes) -> bool:
        return every > 0 and self.random.random() < len(data) / every


async def both_ways(questions: Ends, replies: Ends, weather: Weather) -> None:
    """Forward until one side ends.

    Raises
    ------
    BrokenRoad, OSError
        If the connection breaks off.
    """
    ways = [
        asyncio.create_task(_one_way(*questions, weather, spoils=False)),
        asyncio.create_task(_one_way(*replies, weather, spoils=True)),
    ]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    for way in done:
        way.result()


async def _one_way(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, weather: Weather, *, spoils: bool
) -> None:
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_AHEAD)
    filling = asyncio.create_task(_fill(under_way, reader))
    try:
        while True:
            since, data = await under_way.get()
            await weather.let_pass(since)
            if not data:
                return
            for piece in weather.pieces(weather.spoil(data) if spoils else data):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
    finally:
        filling.cancel()


async def _fill(under_way: asyncio.Queue[tuple[float, bytes]], reader: asyncio.StreamReader) -> None:
    """Note when each chunk set out; an empty one is the end."""
    loop = asyncio.get_running_loop()
    data = b"some"
    while data:
        try:
            data = await reader.read(_CHUNK)
        except OSError:
            data = b""
        await under_way.put((loop.time(), data))
