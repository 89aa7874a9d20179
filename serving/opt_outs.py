"""Users who want no personal picks: known to every process, kept in Redis and on disk.

``<data_dir>/personalization.txt`` has one choice a line, ``<milliseconds since 1970> off|on <user id>``; about a user
the latest counts. The file outlives Redis, and makes a choice known to the other processes of this machine while Redis
is away. Redis has the same choices, and a counter that says whether there are new ones: to ask costs one short reply.

A choice counts from the next request on, in every process. The one that took it knows it at once. The others read a
mark beside the user's fresh events (`serving.stores.choices`), with what they ask for each page view anyway, until they
have looked for news themselves. So no page view pays a round trip for it.

In memory and in Redis, a choice is one number: the moment it was made, negative for "off".
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Mapping
from pathlib import Path

import anyio.to_thread

from recommender.errors import StoreUnavailable
from serving.events import files
from serving.shelves.counter import Reply
from serving.stores import SlateStore

FILE = "personalization.txt"

_OFF, _ON = "off", "on"
MAX_DIGITS = 18
"""Of a moment; a longer one is none, and Python reads no number of some thousand digits."""
_LABEL = b',"personalization":"off"}'

Choices = Mapping[str, int]
"""User → milliseconds since 1970, negative where personal picks were switched off."""


def labelled(reply: Reply) -> Reply:
    """Return an answer that says that its user gets no personal picks."""
    return reply._replace(body=reply.body[:-1] + _LABEL)


def read_choices(data_dir: Path) -> dict[str, int]:
    """Return the latest choice of each user in the file; lines that say nothing are left out."""
    found: dict[str, int] = {}
    path = data_dir / FILE
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else ():
        moment, _, rest = line.partition(" ")
        word, _, user_id = rest.partition(" ")
        if moment.isdecimal() and moment.isascii() and len(moment) <= MAX_DIGITS and word in (_OFF, _ON) and user_id:
            _take(found, {user_id: int(moment) if word == _ON else -int(moment)})
    return found


def opted_out(data_dir: Path) -> frozenset[str]:
    """Return who switched personal picks off, as far as the file knows."""
    return frozenset(user_id for user_id, choice in read_choices(data_dir).items() if choice < 0)


class OptOuts:
    """The choices that this process knows of."""

    def __init__(
        self,
        data_dir: Path,
        store: SlateStore,
        erased: Container[str],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Know nothing yet; `erased` users have no choices, so that nothing is kept of them."""
        self.users: set[str] = set()
        """Who switched personal picks off: one and the same set for life, asked on every page view."""
        self._folder = data_dir
        self._store = store
        self._erased = erased
        self._now = now
        self._known: dict[str, int] = {}
        self._untold: dict[str, int] = {}
        self._revision: int | None = None
        self._seen: tuple[int, int, int] | None = None

    def __contains__(self, user_id: object) -> bool:
        return user_id in self.users

    def load(self) -> None:
        """Read the file if it changed; then the store may know less, and is asked for everything once more."""
        if (seen := _signature(self._folder / FILE)) == self._seen:
            return
        found = read_choices(self._folder)
        self._seen, self._revision = seen, None
        self._learn(found)

    async def choose(self, user_id: str, *, on: bool) -> bool:
        """Switch a user's personal picks on or off; say whether the store could be told yet.

        Raises
        ------
        OSError
            If the file cannot be written: then nothing was promised.
        """
        if user_id in self._erased:
            return True
        # Never earlier than what is known: a clock that was set back must not undo a choice.
        moment = max(int(self._now() * 1000), abs(self._known.get(user_id, 0)) + 1)
        choice = {user_id: moment if on else -moment}
        await anyio.to_thread.run_sync(self._append, choice)
        self._learn(choice)
        try:
            await self._store.choose(choice)
        except StoreUnavailable:
            self._untold |= choice
            return False
        return True

    async def refresh(self) -> None:
        """Learn what other processes were asked, and tell the store what it does not know.

        Raises
        ------
        StoreUnavailable
            If the store is away; the next call tries again.
        """
        await anyio.to_thread.run_sync(self.load)
        if self._untold:
            await self._store.choose(self._welcome(self._untold))
            self._untold.clear()
        revision, found = await self._store.choices(since=self._revision)
        if found is not None:
            if news := _later(self._welcome(found), self._known):
                await anyio.to_thread.run_sync(self._append, news)
                self._learn(news)
            # A store that lost its data has forgotten who chose what.
            if unknown := _later(self._welcome(self._known), found):
                await self._store.choose(unknown)
        self._revision = revision

    def _welcome(self, choices: Choices) -> dict[str, int]:
        return {user_id: choice for user_id, choice in choices.items() if user_id not in self._erased}

    def _learn(self, choices: Choices) -> None:
        _take(self._known, choices)
        for user_id in choices:
            (self.users.add if self._known[user_id] < 0 else self.users.discard)(user_id)

    def _append(self, choices: Choices) -> None:
        words = {True: _OFF, False: _ON}
        lines = [f"{abs(choice)} {words[choice < 0]} {user_id}".encode() for user_id, choice in choices.items()]
        files.append(self._folder / FILE, lines)


def _take(known: dict[str, int], choices: Choices) -> None:
    known.update(_later(choices, known))


def _later(choices: Choices, known: Choices) -> dict[str, int]:
    """Return the choices that were made after those that are known."""
    return {user_id: choice for user_id, choice in choices.items() if abs(choice) > abs(known.get(user_id, 0))}


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  asked by every process twice a second
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
