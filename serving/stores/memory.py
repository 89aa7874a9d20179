"""The three stores in this process's memory: for tests, and for looking at the protocols without a server.

Nothing expires here and nothing is shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from recommender.errors import UnknownVersion
from serving.stores import Pointer, UserRecord
from serving.stores.breaker import BreakerState
from serving.stores.choices import OPTED_OUT
from serving.stores.fresh_lists import LASTING, LASTING_SHARE, STANDING
from serving.visitors import GUEST, anonymous_id_of


class MemorySlates:
    """`SlateStore` in dictionaries."""

    def __init__(self, *, fresh_events: int = 50) -> None:
        self._candidates: dict[tuple[str, str], bytes] = {}
        self._pointer = Pointer()
        self._manifests: dict[str, int] = {}
        self._fresh: dict[str, list[bytes]] = {}
        self._merged: dict[str, str] = {}
        self._erased: set[str] = set()
        self._choices: dict[str, int] = {}
        self._choices_revision = 0
        self._fresh_events = fresh_events

    async def ping(self) -> None:
        """Return: memory always answers."""

    async def pointer(self) -> Pointer:
        """Return which version is served."""
        return self._pointer

    async def versions(self) -> Mapping[str, int]:
        """Return the versions that were served."""
        return dict(self._manifests)

    async def write(self, version: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Keep candidates."""
        self._candidates |= {(version, user): record for user, record in records}

    async def count(self, version: str, users: Sequence[str]) -> int:
        """Count users with candidates."""
        return sum((version, user) in self._candidates for user in users)

    async def point_to(self, version: str, *, users: int | None = None) -> Pointer:
        """Flip the pointer."""
        self._admit(version, users)
        if version != self._pointer.current:
            self._pointer = Pointer(version, self._pointer.current, self._pointer.challengers - {version})
        return self._pointer

    async def challenge(self, version: str, *, users: int | None = None) -> Pointer:
        """Keep a version beside the served one."""
        self._admit(version, users)
        self._pointer = replace(self._pointer, challengers=self._pointer.challengers | {version})
        return self._pointer

    async def withdraw(self, version: str) -> bool:
        """Strike a challenger."""
        challengers = self._pointer.challengers
        self._pointer = replace(self._pointer, challengers=challengers - {version})
        return version in challengers

    async def discard(self, version: str) -> None:
        """Forget a version that was never served."""
        if version not in self._manifests:
            self._remove(version)

    async def settle(self) -> None:
        """Return: nobody dies here without discarding, and superseded versions are kept."""

    async def read_user(self, user_id: str, *, version: str | None) -> UserRecord:
        """Return what is known of a user."""
        if user_id in self._erased:
            return UserRecord(erased=True)
        candidates = None if version is None else self._candidates.get((version, user_id))
        return UserRecord(candidates=candidates, fresh=tuple(self._fresh.get(user_id, ())))

    async def remember(self, fresh: Mapping[str, Sequence[bytes]], *, again: bool = False) -> None:
        """Add events to their users' lists."""
        for name, events in fresh.items():
            user_id = self._merged.get(anonymous_id_of(name) or "", name)
            known = self._fresh.get(user_id, []) if again else []
            if user_id not in self._erased:
                self._push(user_id, [event for event in events if event not in known])

    async def merge(self, anonymous_id: str, user_id: str) -> int:
        """Move a guest's events to a user, now and from now on."""
        self._merged[anonymous_id] = user_id
        moved = self._fresh.pop(GUEST + anonymous_id, [])
        if user_id not in self._erased:
            known = self._fresh.get(user_id, [])
            self._push(user_id, [event for event in reversed(moved) if event not in known])
        return len(moved)

    async def merged(self, anonymous_id: str) -> str | None:
        """Return the user that a guest turned out to be."""
        return self._merged.get(anonymous_id)

    async def erase(self, user_id: str) -> None:
        """Forget a user."""
        self._erased.add(user_id)
        self._fresh.pop(user_id, None)
        self._choices.pop(user_id, None)
        for key in [key for key in self._candidates if key[1] == user_id]:
            del self._candidates[key]

    async def erased(self) -> frozenset[str]:
        """Return all erased users."""
        return frozenset(self._erased)

    async def choose(self, choices: Mapping[str, int]) -> None:
        """Note choices, and mark the lists of their users."""
        for user_id, choice in choices.items():
            if abs(choice) > abs(self._choices.get(user_id, 0)):
                self._choices[user_id] = choice
                self._choices_revision += 1
                unmarked = [event for event in self._fresh.get(user_id, ()) if event != OPTED_OUT]
                self._fresh[user_id] = [OPTED_OUT, *unmarked] if choice < 0 else unmarked

    async def choices(self, *, since: int | None) -> tuple[int, Mapping[str, int] | None]:
        """Return all choices, if they changed."""
        return self._choices_revision, None if since == self._choices_revision else dict(self._choices)

    def _admit(self, version: str, users: int | None) -> None:
        if users is not None:
            self._manifests[version] = users
        if version not in self._manifests:
            raise UnknownVersion(f"no candidates of version {version} are kept any more; publish it again")

    def _push(self, name: str, events: Sequence[bytes]) -> None:
        known = [*reversed(events), *self._fresh.get(name, ())]
        kept: Counter[bytes] = Counter()
        self._fresh[name] = []
        for event in known:
            lasts = event.startswith((LASTING, STANDING))
            kept[mark := event[:1] if lasts else b""] += 1
            if kept[mark] <= self._fresh_events * (LASTING_SHARE if lasts else 1):
                self._fresh[name].append(event)

    def _remove(self, version: str) -> None:
        for key in [key for key in self._candidates if key[0] == version]:
            del self._candidates[key]


class MemoryItems:
    """`ItemStore` in dictionaries."""

    def __init__(self) -> None:
        self._revision = 0
        self._attributes: dict[str, dict[str, bytes]] = {}
        self._changed_at: dict[str, int] = {}

    async def put(self, patches: Mapping[str, Mapping[str, bytes]]) -> int:
        """Apply patches."""
        self._revision += 1
        for item_id, patch in patches.items():
            self._attributes.setdefault(item_id, {}).update(patch)
            self._changed_at[item_id] = self._revision
        return self._revision

    async def changes(self, since: int) -> tuple[int, Mapping[str, Mapping[str, bytes]]]:
        """Return what changed after `since`; everything, if `since` lies in the future."""
        low = since if since <= self._revision else 0
        changed = [item_id for item_id, revision in self._changed_at.items() if revision > low]
        return self._revision, {item_id: dict(self._attributes[item_id]) for item_id in changed}


class MemoryStream:
    """`EventStream` in a dictionary."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._entries: dict[str, bytes] = {}
        self._number = 0
        self._owner: str | None = None

    async def append(self, events: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Append what was not seen before."""
        is_new = []
        for event_id, payload in events:
            is_new.append(event_id not in self._seen)
            if is_new[-1]:
                self._seen.add(event_id)
                self._number += 1
                self._entries[f"{self._number}-0"] = payload
        return is_new

    async def read(self, limit: int) -> list[tuple[str, bytes]]:
        """Return the oldest entries."""
        return list(self._entries.items())[:limit]

    async def drop(self, entries: Sequence[str], *, owner: str) -> bool:
        """Remove entries under the owner's lease."""
        if owner != self._owner:
            return False
        for entry in entries:
            self._entries.pop(entry, None)
        return True

    async def lease(self, owner: str, *, seconds: float) -> bool:  # noqa: ARG002  nothing expires here
        """Take or renew the lease."""
        if self._owner in (None, owner):
            self._owner = owner
        return self._owner == owner

    async def release(self, owner: str) -> None:
        """Give the lease back."""
        if self._owner == owner:
            self._owner = None

    async def length(self) -> int:
        """Return how many events wait."""
        return len(self._entries)


class MemoryStores:
    """The three stores, empty."""

    def __init__(self, *, fresh_events: int = 50) -> None:
        self.slates = MemorySlates(fresh_events=fresh_events)
        self.items = MemoryItems()
        self.stream = MemoryStream()

    @property
    def breaker_state(self) -> BreakerState:
        """Return closed: memory always answers."""
        return BreakerState.CLOSED

    @property
    def connections_lost(self) -> int:
        """Return 0: there are none."""
        return 0

    async def round_trip(self) -> bool:
        """Return False: there is no way to go."""
        return False

    async def keeps(self) -> bool | None:
        """Return None: nobody relies on it."""
        return None

    async def close(self) -> None:
        """Return: there is nothing to let go of."""
