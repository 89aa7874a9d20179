"""The records this process read last: an answer for those users while the store is away."""

from __future__ import annotations

from serving.metrics import Metrics


class StaleRecords:
    """At most `size` records, the longest unread forgotten first."""

    def __init__(self, size: int, metrics: Metrics) -> None:
        self._size = size
        self._records: dict[str, tuple[str, bytes]] = {}
        """With the version of each: users of some experiments get another than the rest."""
        metrics.watch(metrics.stale_users, self.__len__)

    def keep(self, user_id: str, record: bytes, *, version: str) -> None:
        """Remember what was just read."""
        records = self._records
        records.pop(user_id, None)
        records[user_id] = (version, record)
        if len(records) > self._size:
            del records[next(iter(records))]

    def get(self, user_id: str, *, version: str) -> bytes | None:
        """Return what was read last for a user, unless it is of another version."""
        kept_version, record = self._records.get(user_id, (None, None))
        return record if kept_version == version else None

    def __len__(self) -> int:
        return len(self._records)
