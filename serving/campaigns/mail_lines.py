"""Rendered mails as JSON Lines: one line per recipient with the HTML and the plain text, for a tool that sends them."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from serving.campaigns.letters import Shop, letter_of
from serving.campaigns.mail import Postman
from serving.campaigns.rows import Links, sent_on
from serving.campaigns.snapshot import RecipientRow, Sent, Snapshot


class Press(NamedTuple):
    """What draws mails."""

    postman: Postman
    shop: Shop


class Places:
    """The addresses in the mail of one recipient: links that are signed, or else the items' own."""

    def __init__(self, sent: Sent, links: Links | None) -> None:
        self._sent = sent
        self._links = links

    def click(self, slot: int) -> str:
        """Return the address to follow."""
        if self._links is None:
            return self._sent.picks[slot].item.url
        return self._links.click(self._sent.number, slot)

    def image(self, slot: int) -> str:
        """Return the address of the picture."""
        if self._links is None:
            return self._sent.picks[slot].item.image_url
        return self._links.image(self._sent.number, slot)


class MailLines:
    """Lines of ``mail.jsonl``."""

    def __init__(self, snapshot: Snapshot, links: Links | None, press: Press) -> None:
        self._snapshot = snapshot
        self._links = links
        self._press = press
        self._day = sent_on(snapshot)

    def header(self) -> bytes:
        """Return nothing: a line says what it holds."""
        return b""

    def line(self, row: RecipientRow) -> bytes:
        """Return the line of a recipient."""
        sent = self._snapshot.sent(row)
        campaign, places = self._snapshot.campaign, Places(sent, self._links)
        letter = letter_of(sent, self._press.shop, places, campaign=campaign, day=self._day)
        mail = self._press.postman.draw(letter)
        content = {"user_id": sent.user_id, "slate_id": sent.slate_id, "html": mail.html, "text": mail.text}
        return orjson.dumps(content) + b"\n"
