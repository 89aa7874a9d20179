"""What a request asks of one user, as bytes, and the record made of the replies.

Three commands in one round trip: GET of the candidates, LRANGE of the fresh events, SISMEMBER of the erased users. The
last is last on purpose: its reply is a short number, and bytes that were lost or added in a value before it would
hardly leave that in its place (a `Wire` gives up over a reply of another shape).

The commands differ between users in six places only, so they are filled into a template per version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serving.stores import UserRecord, keys
from serving.stores.fresh_lists import FreshLists
from serving.stores.resp import bulk, encode
from serving.stores.wire import Reading

MAX_TEMPLATES = 16
"""More versions than a process asks for at the same time; names of versions are no reason to fill the memory."""

_ABSENT = UserRecord()
_ERASED = UserRecord(erased=True)


@dataclass(frozen=True, slots=True)
class Part:
    """One command on its own, for a cluster in which each key may live on another node."""

    key: bytes
    command: bytes
    reading: Reading[tuple[Any]]
    """Returns the reply in a tuple, since a reply may be None."""


class UserQuery:
    """Writes the commands."""

    def __init__(self, *, fresh_events: int) -> None:
        self._last = FreshLists.longest(fresh_events) - 1
        self._templates: dict[str | None, tuple[bytes, int]] = {}
        self._fresh_prefix = len(keys.fresh("").encode())

    def encode(self, user_id: str, version: str | None) -> bytes:
        """Return all commands; without a version, without the first.

        Raises
        ------
        UnicodeEncodeError
            If the id holds half of a surrogate pair.
        """
        user = user_id.encode()
        n = len(user)
        template, prefix = self._templates.get(version) or self._template(version)
        if version is None:
            return template % (n + self._fresh_prefix, user, n, user)
        return template % (n + prefix, user, n + self._fresh_prefix, user, n, user)

    def parts(self, user_id: str, version: str | None) -> list[Part]:
        """Return the same commands one by one, in the same order."""
        fresh, erased = keys.fresh(user_id).encode(), keys.ERASED.encode()
        parts = [
            Part(fresh, encode("LRANGE", fresh, 0, self._last), _read_list),
            Part(erased, encode("SISMEMBER", erased, user_id), _read_number),
        ]
        if version is not None:
            key = keys.candidates(version, user_id).encode()
            parts.insert(0, Part(key, encode("GET", key), _read_bytes))
        return parts

    def _template(self, version: str | None) -> tuple[bytes, int]:
        prefix = b"" if version is None else keys.candidates(version, "").encode()
        get = b"" if version is None else b"*2\r\n" + bulk("GET") + _ending_in_user(prefix)
        fresh = b"*4\r\n" + bulk("LRANGE") + _ending_in_user(keys.fresh("").encode()) + bulk(0) + bulk(self._last)
        erased = b"*3\r\n" + bulk("SISMEMBER") + bulk(keys.ERASED) + _ending_in_user(b"")
        if len(self._templates) >= MAX_TEMPLATES:
            self._templates.clear()
        self._templates[version] = made = get + fresh + erased, len(prefix)
        return made


def record_of(replies: list[Any]) -> UserRecord | None:
    """Read the replies to all three commands."""
    candidates, fresh, erased = replies
    if type(fresh) is not list or type(erased) is not int or not (candidates is None or type(candidates) is bytes):
        return None
    if erased:
        return _ERASED
    return UserRecord(candidates=candidates, fresh=tuple(fresh))


def record_without_candidates(replies: list[Any]) -> UserRecord | None:
    """Read the replies to the last two."""
    return record_of([None, *replies])


def _read_bytes(replies: list[Any]) -> tuple[bytes | None] | None:
    reply = replies[0]
    return (reply,) if reply is None or type(reply) is bytes else None


def _read_list(replies: list[Any]) -> tuple[list[bytes]] | None:
    return (replies[0],) if type(replies[0]) is list else None


def _read_number(replies: list[Any]) -> tuple[int] | None:
    return (replies[0],) if type(replies[0]) is int else None


def _ending_in_user(prefix: bytes) -> bytes:
    """Return the template of a word: its length and the user are filled in."""
    return b"$%d\r\n" + prefix.replace(b"%", b"%%") + b"%b\r\n"
