"""The mails of a send as JSON Lines: one line per person, to be sent as it is by a program."""

from __future__ import annotations

from datetime import date

import orjson

from serving.campaigns.landing import Landing
from serving.campaigns.letters import letter_of
from serving.campaigns.links import Links
from serving.campaigns.mail import Mail, Postman
from serving.campaigns.snapshot import Sent, Snapshot
from serving.campaigns.straight import Signed, Straight, items_of, shop_of
from serving.settings import AppSettings


class MailLines:
    """Draws the mails of one send.

    Parameters
    ----------
    settings
        The shop's.
    snapshot
        The send.
    links
        Its signed links; None for links that lead straight to items.

    Raises
    ------
    ConfigError
        If a template cannot be used.
    """

    def __init__(self, settings: AppSettings, snapshot: Snapshot, links: Links | None) -> None:
        self._postman = Postman.of(settings.campaign)
        self._landing = Landing(settings.campaign, has_demo_shop=settings.serving.demo_shop != "off")
        self._shop = shop_of(settings, self._landing)
        self._campaign = snapshot.campaign
        self._day = date.fromisoformat(snapshot.sent_at[:10])
        self._links = links

    def line(self, sent: Sent) -> bytes:
        """Return the line of a recipient, with its line end."""
        subject, mail = self.mail(sent)
        content = {"user_id": sent.user_id, "subject": subject, "html": mail.html, "text": mail.text}
        return orjson.dumps({**content, "slate_id": sent.slate_id}, option=orjson.OPT_APPEND_NEWLINE)

    def mail(self, sent: Sent, *, with_pictures: bool = False) -> tuple[str, Mail]:
        """Return heading and mail of a recipient; `with_pictures` for one that nobody serves pictures for.

        Raises
        ------
        ConfigError
            If a template fails.
        """
        addresses = (
            Straight(items_of(sent), self._landing, with_pictures=with_pictures)
            if self._links is None
            else Signed(self._links, sent.number)
        )
        letter = letter_of(sent, self._shop, addresses, campaign=self._campaign, day=self._day)
        return letter.heading, self._postman.draw(letter)
