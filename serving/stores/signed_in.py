"""A user who was a guest a moment ago: what the guest did counts before the store has made one visitor of the two."""

from __future__ import annotations

import asyncio
from typing import Any

from serving.stores import SlateStore, UserRecord


class SignedIn:
    """Answers about one user with a guest's events among theirs; everything else is the store's."""

    def __init__(self, store: SlateStore, user_id: str, guest: str) -> None:
        self._store = store
        self._user_id = user_id
        self._guest = guest

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read_user(self, user_id: str, *, version: str | None) -> UserRecord:
        """Return what is known of a user.

        Raises
        ------
        StoreUnavailable
            If the store is away.
        """
        if user_id != self._user_id:
            return await self._store.read_user(user_id, version=version)
        # The guest first: events that are moved in between are found twice, not missed.
        guest, user = await asyncio.gather(
            self._store.read_user(self._guest, version=None), self._store.read_user(user_id, version=version)
        )
        return user if user.erased else user._replace(fresh=(*guest.fresh, *user.fresh))
