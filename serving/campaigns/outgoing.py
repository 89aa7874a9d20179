"""The record of a send as files are written from it: without those who must not be written to today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from serving.campaigns.choosing import ERASED
from serving.campaigns.snapshot import RecipientRow, Snapshot


class Outgoing(Snapshot):
    """Reads a send like any other reader, and never meets who is withheld.

    Parameters
    ----------
    path
        The record.
    withheld
        Recipients who are not written, with the reason (`serving.campaigns.review`).
    """

    def __init__(self, path: Path, withheld: Mapping[str, str]) -> None:
        super().__init__(path)
        self._withheld = withheld

    def rows(self) -> Iterator[RecipientRow]:
        """Yield the bare rows of those who are written, by number."""
        yield from (row for row in super().rows() if row.user_id not in self._withheld)

    def suppressed(self) -> Iterator[tuple[str, str]]:
        """Yield who is left out with the reason; who asked to be forgotten since is not named."""
        yield from super().suppressed()
        yield from ((user_id, why) for user_id, why in self._withheld.items() if why != ERASED)
