"""Which keys open the console: those in the shop's file of keys that live and have the scope `operations`.

The file is looked at on each question and read when it changed. A file that is damaged or has gone changes nothing
about the keys known before, as it is with the API (`serving.access.access`).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from recommender.errors import ConfigError
from serving.access.keyring import Keyring
from serving.access.keys import ApiKey, digest_of
from serving.access.scopes import Scope

NEEDS = Scope.OPERATIONS


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Holders:
    """The keys that may see the console."""

    def __init__(self, data_dir: Path, *, now: Callable[[], datetime] = _utc_now) -> None:
        self._keyring = Keyring(data_dir)
        self._now = now
        self._seen: object = None
        self._keys: tuple[ApiKey, ...] = ()

    def by_key(self, key: bytes) -> ApiKey | None:
        """Return the record of a key that may see the console; None for any other."""
        digest = digest_of(key).hex()
        # All are compared, so that the time taken tells nothing about which there are.
        found = [record for record in self._fresh() if hmac.compare_digest(record.sha256, digest)]
        return next(filter(self._may_look, found), None)

    def by_id(self, key_id: str) -> ApiKey | None:
        """Return the record of the key with that id if it still may see the console."""
        found = (record for record in self._fresh() if record.key_id == key_id)
        return next(filter(self._may_look, found), None)

    def _may_look(self, record: ApiKey) -> bool:
        return NEEDS in record.scopes and record.is_live(self._now())

    def _fresh(self) -> tuple[ApiKey, ...]:
        try:
            stamp = self._keyring.stamp()
            if stamp is not None and stamp != self._seen:
                # What is damaged is told by the API's own look at the file; here the old keys go on.
                self._seen = stamp
                self._keys = self._keyring.read() or self._keys
        except (ConfigError, OSError):
            pass
        return self._keys
