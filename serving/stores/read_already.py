"""Users that were read together, to be asked for one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Self

from recommender.errors import StoreUnavailable
from serving.stores import SlateStore, UserRecord


class ReadAlready:
    """Answers for some users what a store answered; everything else is the store's."""

    def __init__(
        self, store: SlateStore, read: Mapping[str, UserRecord | StoreUnavailable], versions: Mapping[str, str]
    ) -> None:
        self._store = store
        self._read = read
        self._versions = versions

    @classmethod
    async def of(cls, store: SlateStore, versions: Mapping[str, str]) -> Self:
        """Ask a store for all users at once, each with the version their candidates are wanted of."""
        # Asked in one turn of the loop, they share a round trip.
        found = await asyncio.gather(*(_one(store, user, version) for user, version in versions.items()))
        return cls(store, dict(zip(versions, found, strict=True)), versions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read_user(self, user_id: str, *, version: str | None) -> UserRecord:
        """Return what was read; without candidates, if they were read of another version.

        Raises
        ------
        StoreUnavailable
            If the store was away then.
        """
        found = self._read[user_id]
        if isinstance(found, StoreUnavailable):
            raise found
        return found if version == self._versions[user_id] else found._replace(candidates=None)


async def _one(store: SlateStore, user_id: str, version: str) -> UserRecord | StoreUnavailable:
    try:
        return await store.read_user(user_id, version=version)
    except StoreUnavailable as error:
        return error
