"""How often somebody may ask: fixed windows, counted in the memory of one worker process.

The package `limits` reads the rates and keeps the strategy. Its own storage in memory starts a thread every ten
milliseconds and walks over all counters in it, which a server with many client addresses would feel; the storage here
has neither, because one event loop is all that asks, and it cannot outgrow `MAX_COUNTERS`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address

from limits import RateLimitItem
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

MAX_COUNTERS = 100_000
"""Of keys and addresses counted at a time, about 30 MB; beyond it, the oldest start anew."""
NETWORK_BITS = 64
"""Of an IPv6 address, what one customer of a provider cannot change."""


class Rates:
    """Counts."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._windows = Windows(now)
        self._limiter = FixedWindowRateLimiter(self._windows)

    def wait_seconds(self, rate: RateLimitItem, who: str) -> int | None:
        """Count one request of `who`; return after how many seconds to come back if it was one too many."""
        if self._limiter.hit(rate, who):
            return None
        return max(1, math.ceil(self._windows.get_expiry(rate.key_for(who)) - self._now()))


class Windows(Storage):
    """How often each key was counted in its current window."""

    STORAGE_SCHEME = None

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._counts: dict[str, list[float]] = {}
        """Count, and when the window ends; in the order in which windows began."""

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a storage over a network could raise."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return how often in this window."""
        entry = self._counts.get(key)
        if entry is not None and entry[1] > (now := self._now()):
            entry[0] += amount
            return int(entry[0])
        now = self._now()
        self._counts.pop(key, None)
        if len(self._counts) >= MAX_COUNTERS:
            self._make_room(now)
        self._counts[key] = [amount, now + expiry]
        return amount

    def get(self, key: str) -> int:
        """Return how often in this window."""
        entry = self._counts.get(key)
        return int(entry[0]) if entry is not None and entry[1] > self._now() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends."""
        entry = self._counts.get(key)
        return self._now() if entry is None else entry[1]

    def check(self) -> bool:
        """Whether it can be used: always."""
        return True

    def reset(self) -> int:
        """Forget everything; return how much that was."""
        forgotten = len(self._counts)
        self._counts.clear()
        return forgotten

    def clear(self, key: str) -> None:
        """Forget one."""
        self._counts.pop(key, None)

    def _make_room(self, now: float) -> None:
        """Forget windows that are over, and of the others the oldest tenth if too many are left."""
        self._counts = {key: entry for key, entry in self._counts.items() if entry[1] > now}
        for key in list(self._counts)[: max(0, len(self._counts) - MAX_COUNTERS * 9 // 10)]:
            del self._counts[key]


@lru_cache(maxsize=10_000)
def counted_as(address: str) -> str:
    """Return under what a client address is counted: itself, or the network it is free to choose from.

    >>> counted_as("203.0.113.7"), counted_as("2001:db8:1:2:3:4:5:6")
    ('203.0.113.7', '2001:db8:1:2::')
    """
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if mapped := getattr(parsed, "ipv4_mapped", None):
        return str(mapped)
    host_bits = parsed.max_prefixlen - NETWORK_BITS
    return str(type(parsed)(int(parsed) >> host_bits << host_bits))
