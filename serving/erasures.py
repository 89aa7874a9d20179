"""Users who asked to be forgotten.

``<data_dir>/erased.txt`` holds one id a line: it outlives Redis, and training leaves these users out. The set in
Redis makes the erasure known to every process at once; where Redis is away, the file and this process's memory do,
and the store is told as soon as it answers again.
"""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread

from recommender.erased import erased_in
from recommender.errors import StoreUnavailable
from serving.events import files
from serving.stores import SlateStore

FILE = "erased.txt"


def read_erased(data_dir: Path) -> set[str]:
    """Return the erased users that the file names.

    Raises
    ------
    InvalidInput
        If the file is not text.
    """
    return set(erased_in(data_dir / FILE))


class Erasures:
    """The erased users that this process knows of."""

    def __init__(self, data_dir: Path, store: SlateStore) -> None:
        self._path = data_dir / FILE
        self._store = store
        self._known: set[str] = set()
        self._seen: tuple[int, int] | None = None

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._known

    def load(self) -> None:
        """Read the file if it changed; the store may have forgotten, so it will be told again."""
        if (seen := _signature(self._path)) != self._seen:
            self._seen = seen
            self._known |= read_erased(self._path.parent)

    async def erase(self, user_id: str) -> bool:
        """Forget a user for good; say whether the store could be told yet.

        Raises
        ------
        OSError
            If the file cannot be written: then nothing was promised.
        """
        if user_id not in self._known:
            await anyio.to_thread.run_sync(self._append, [user_id])
        self._known.add(user_id)
        try:
            await self._store.erase(user_id)
        except StoreUnavailable:
            return False
        return True

    async def refresh(self) -> None:
        """Tell the store what it does not know, and learn what other processes were asked.

        Raises
        ------
        StoreUnavailable
            If the store is away; the next call tries again.
        """
        # While the store is away, the processes of one machine agree by the file.
        self.load()
        shared = await self._store.erased()
        # A store that lost its data has forgotten whom to forget.
        for user_id in sorted(self._known - shared):
            await self._store.erase(user_id)
        if news := sorted(shared - self._known):
            await anyio.to_thread.run_sync(self._append, news)
            self._known.update(news)

    def _append(self, users: list[str]) -> None:
        files.append(self._path, [user_id.encode() for user_id in users])


def _signature(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns
