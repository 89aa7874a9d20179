"""All sends of a data folder.

::

    campaigns/<name>/campaign.json
    campaigns/<name>/sends/<send_id>/snapshot.sqlite
    campaigns/<name>/sends/<send_id>/manifest.json        last; without it, the send was not finished

Names of campaigns and sends are short and plain, so that they can be folders and parts of a slate's id; a name from
outside that is none is simply not found.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import InvalidInput
from serving.campaigns.snapshot import SNAPSHOT_FILE, Sent, Snapshot

CAMPAIGNS = "campaigns"
"""The folder of campaigns in the data folder."""
DEFINITION_FILE = "campaign.json"
MANIFEST_FILE = "manifest.json"
PREVIEW_FILE = "preview.html"
"""A mail of somebody, to look at."""
SENDS = "sends"
KEY_BYTES = 5

_log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def is_name(name: str) -> bool:
    """Say whether `name` can be that of a campaign or a send.

    >>> is_name("win-back"), is_name("../etc"), is_name("20180101")
    (True, False, True)
    """
    return _NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Send:
    """One send that was finished."""

    campaign: str
    send_id: str
    folder: Path

    @property
    def key(self) -> bytes:
        """Five bytes that stand for it in links."""
        return hashlib.blake2s(f"{self.campaign}/{self.send_id}".encode(), digest_size=KEY_BYTES).digest()

    def snapshot(self) -> Snapshot:
        """Open what was sent."""
        return Snapshot.open(self.folder / SNAPSHOT_FILE)

    def pass_over(self, why: InvalidInput) -> None:
        """Name it in the log as one that cannot be read: one damaged file stops nothing but itself."""
        _log.warning("the send %s/%s is passed over: %s", self.campaign, self.send_id, why)


class Sends:
    """Finds sends below the folder of campaigns; nothing is kept, so a new send is found at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, data_dir: Path) -> Sends:
        """Return those of a data folder."""
        return cls(data_dir / CAMPAIGNS)

    def find(self, campaign: str, send_id: str) -> Send | None:
        """Return a finished send; None if there is none of that name."""
        if not (is_name(campaign) and is_name(send_id)):
            return None
        folder = self.folder / campaign / SENDS / send_id
        is_finished = (folder / MANIFEST_FILE).is_file() and (folder / SNAPSHOT_FILE).is_file()
        return Send(campaign, send_id, folder) if is_finished else None

    def by_key(self, key: bytes) -> Send | None:
        """Return the send that a link speaks of."""
        return next((send for send in self if send.key == key), None)

    def __iter__(self) -> Iterator[Send]:
        """Yield all finished sends, by campaign and send."""
        for folder in sorted(self.folder.glob(f"*/{SENDS}/*")):
            if (send := self.find(folder.parent.parent.name, folder.name)) is not None:
                yield send

    def of_campaign(self, campaign: str) -> list[Send]:
        """Return a campaign's sends, the first one first."""
        return [send for send in self.latest(None) if send.campaign == campaign][::-1]

    def latest(self, n: int | None) -> list[Send]:
        """Return the last `n` sends, or all, the last one first; those that cannot be read are named in the log."""
        dated = []
        for send in self:
            try:
                with send.snapshot() as snapshot:
                    dated.append((snapshot.sent_at, send.campaign, send.send_id, send))
            except InvalidInput as error:
                send.pass_over(error)
        return [send for *_, send in sorted(dated, key=lambda one: one[:3], reverse=True)][:n]

    def of_user(self, user_id: str) -> Iterator[tuple[Send, Sent]]:
        """Yield what a user got, the last send first."""
        for send in self.latest(None):
            with send.snapshot() as snapshot:
                if (sent := snapshot.of_user(user_id)) is not None:
                    yield send, sent


def checked_name(name: str, *, what: str) -> str:
    """Return `name` if it can be that of a campaign or a send.

    Raises
    ------
    InvalidInput
        If it cannot.
    """
    if not is_name(name):
        raise InvalidInput(
            f"{name[:80]!r} cannot be the name of a {what}: use up to 40 of a-z, 0-9, _ and -, a letter or digit first"
        )
    return name
