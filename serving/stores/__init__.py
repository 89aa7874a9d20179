"""Where candidates, fresh events and stock are shared between processes.

Three protocols, one noun each: `SlateStore` (candidates of published versions, and what a request must know of a
user), `ItemStore` (what the shop said about items since training) and `EventStream` (events on their way to files).
Each is implemented over Redis and in memory; one contract suite runs over both. `Stores` is the three together.

Every method that talks to a server raises `StoreUnavailable` if it does not answer in time, and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from serving.stores.breaker import BreakerState


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which version is served, which was before it, and which are kept beside it."""

    current: str | None = None
    previous: str | None = None
    challengers: frozenset[str] = frozenset()
    """Versions that some variants of experiments are served (see `serving.challengers`)."""


class UserRecord(NamedTuple):
    """What a request must know of a user, read in one round trip."""

    erased: bool = False
    candidates: bytes | None = None
    """Packed (see `serving.stores.packed`); None if there are none at this version."""
    fresh: tuple[bytes, ...] = ()
    """Events since the last training, the latest to arrive first (see `serving.events.fresh`)."""


class SlateStore(Protocol):
    """Candidates per version and user, the pointer to the version that is served, fresh events, erased users."""

    async def ping(self) -> None:
        """Return if the store answers."""
        ...

    async def pointer(self) -> Pointer:
        """Return which version is served."""
        ...

    async def versions(self) -> Mapping[str, int]:
        """Return the versions whose candidates are kept, and for how many users."""
        ...

    async def write(self, version: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Keep packed candidates of some users; the first time, even without any, takes the right to write `version`.

        If the version is neither published nor written to for a while, its candidates are removed by whoever settles.
        """
        ...

    async def count(self, version: str, users: Sequence[str]) -> int:
        """Return how many of `users` have candidates."""
        ...

    async def point_to(self, version: str, *, users: int | None = None) -> Pointer:
        """Serve `version` from now on, in one step, and return the new pointer.

        `users` states how many it was written for; without it the version must be among `versions`.

        Raises
        ------
        UnknownVersion
            If the version is not kept; the pointer stays as it was.
        """
        ...

    async def challenge(self, version: str, *, users: int | None = None) -> Pointer:
        """Keep `version` beside the served one from now on, until it is withdrawn or served itself.

        Raises
        ------
        UnknownVersion
            As `point_to`.
        """
        ...

    async def withdraw(self, version: str) -> bool:
        """Keep `version` beside the served one no longer; say whether it was."""
        ...

    async def discard(self, version: str) -> None:
        """Give up writing `version`, and remove its candidates unless it was published before."""
        ...

    async def settle(self) -> None:
        """Remove versions that are neither served nor challengers, not kept for a rollback, and not being written."""
        ...

    def read_user(self, user_id: str, *, version: str | None) -> Awaitable[UserRecord]:
        """Return what is known of a user; without a version, without candidates."""
        ...

    async def remember(self, fresh: Mapping[str, Sequence[bytes]], *, again: bool = False) -> None:
        """Add events (oldest first) to the capped, expiring lists of their visitors; of merged guests, to the user's.

        With `again`, some may be there already, and are not added twice. What begins with
        `LASTING` or `STANDING` (`serving.stores.fresh_lists`) is capped on its own: nothing else pushes it out.
        """
        ...

    async def merge(self, anonymous_id: str, user_id: str) -> int:
        """Note that a guest is this user from now on, and move their events; return how many. Repeating is harmless."""
        ...

    async def merged(self, anonymous_id: str) -> str | None:
        """Return the user that a guest turned out to be."""
        ...

    async def erase(self, user_id: str) -> None:
        """Forget a user's candidates in every kept version and their fresh events, and note the erasure."""
        ...

    async def erased(self) -> frozenset[str]:
        """Return all erased users."""
        ...

    async def choose(self, choices: Mapping[str, int]) -> None:
        """Note who wants personal picks and who does not (see `serving.opt_outs`), unless a later choice is known.

        Who does not has `serving.stores.choices.OPTED_OUT` among their fresh events from then on.
        """
        ...

    async def choices(self, *, since: int | None) -> tuple[int, Mapping[str, int] | None]:
        """Return the revision of all choices, and the choices, unless that is still `since`."""
        ...


class ItemStore(Protocol):
    """What the shop said about items since training: attribute values as JSON, counted by revision."""

    async def put(self, patches: Mapping[str, Mapping[str, bytes]]) -> int:
        """Set attributes of items, leaving others as they are; return the revision this made."""
        ...

    async def changes(self, since: int) -> tuple[int, Mapping[str, Mapping[str, bytes]]]:
        """Return the revision, and every attribute of the items changed after revision `since`."""
        ...


class EventStream(Protocol):
    """Accepted events in order, each once by its id, until a drain has made them durable elsewhere."""

    async def append(self, events: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Append (event id, payload) pairs; return for each whether it is new."""
        ...

    async def read(self, limit: int) -> list[tuple[str, bytes]]:
        """Return the oldest (entry, payload) pairs."""
        ...

    async def drop(self, entries: Sequence[str], *, owner: str) -> bool:
        """Remove entries if `owner` still holds the lease; say whether it did."""
        ...

    async def lease(self, owner: str, *, seconds: float) -> bool:
        """Take or renew the right to drain; False while another owner holds it."""
        ...

    async def release(self, owner: str) -> None:
        """Give the right to drain back."""
        ...

    async def length(self) -> int:
        """Return how many events wait."""
        ...


class Stores(Protocol):
    """The three stores of one deployment."""

    @property
    def slates(self) -> SlateStore:
        """Candidates and users."""
        ...

    @property
    def items(self) -> ItemStore:
        """Stock and catalogue updates."""
        ...

    @property
    def stream(self) -> EventStream:
        """Events on their way to files."""
        ...

    @property
    def breaker_state(self) -> BreakerState:
        """Whether calls are let through."""
        ...

    @property
    def connections_lost(self) -> int:
        """How many connections for reading users have ended unasked."""
        ...

    async def round_trip(self) -> bool:
        """Ask for nothing on the way on which users are read; False while nobody has opened it."""
        ...

    async def keeps(self) -> bool | None:
        """Say whether the store writes what it is told to disk; None if it does not tell."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...
