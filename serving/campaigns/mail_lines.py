"""Rendered mails as JSON Lines: one line per recipient with the HTML and the plain text, for a tool that sends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import NamedTuple, Self

import orjson

from serving.campaigns.landing import Landing
from serving.campaigns.letters import Addresses, Letter, Shop, letter_of
from serving.campaigns.mail import Postman
from serving.campaigns.mail_settings import MailSettings
from serving.campaigns.rows import Links, sent_on
from serving.campaigns.snapshot import RecipientRow, Sent, Snapshot
from serving.campaigns.straight import Abroad, Signed, Straight, items_of, shop_of
from serving.campaigns.web_addresses import absolute
from serving.settings import AppSettings


class Press(NamedTuple):
    """What draws mails."""

    postman: Postman
    shop: Shop
    landing: Landing = Landing(MailSettings())
    """By default, of a shop that nobody knows the hosts of."""

    @classmethod
    def of(cls, settings: AppSettings) -> Self:
        """Return what draws the mails of a shop.

        Raises
        ------
        ConfigError
            If a template cannot be used.
        """
        landing = Landing(settings.campaign, has_demo_shop=settings.serving.demo_shop != "off")
        return cls(Postman.of(settings.campaign), shop_of(settings, landing), landing)

    def letter(self, sent: Sent, places: Addresses, *, campaign: str, day: date) -> Letter:
        """Return what stands in the mail of a recipient."""
        return letter_of(sent, self.shop, places, campaign=campaign, day=day)

    def places(self, sent: Sent, *, with_pictures: bool = False) -> Straight:
        """Return addresses that lead straight to the items; `with_pictures` puts drawn pictures into the mail."""
        return Straight(items_of(sent), self.landing, with_pictures=with_pictures)


class MailLines:
    """Lines of ``mail.jsonl``."""

    def __init__(self, snapshot: Snapshot, links: Links | None, press: Press) -> None:
        self._snapshot = snapshot
        self._links = links
        self._press = press._replace(shop=replace(press.shop, url=absolute(press.shop.url)))
        self._day = sent_on(snapshot)

    def header(self) -> bytes:
        """Return nothing: a line says what it holds."""
        return b""

    def line(self, row: RecipientRow) -> bytes:
        """Return the line of a recipient."""
        sent = self._snapshot.sent(row)
        places = Abroad(self._press.places(sent)) if self._links is None else Signed(self._links, sent.number)
        letter = self._press.letter(sent, places, campaign=self._snapshot.campaign, day=self._day)
        mail = self._press.postman.draw(letter)
        content = {"user_id": sent.user_id, "slate_id": sent.slate_id, "html": mail.html, "text": mail.text}
        return orjson.dumps(content) + b"\n"
