"""The addresses that a mail carries: one to follow and one to look at for each slot of each recipient.

Both are decided when they are opened, not when the mail is sent: what is out of stock by then is replaced
(`serving.campaigns.opening`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from recommender.errors import ConfigError
from serving.access.scopes import FOLLOW, LOOK
from serving.campaigns.sends import Send
from serving.campaigns.tokens import MAX_NUMBER, MAX_SLOT, Place, Seal
from serving.kept_secret import kept_secret
from serving.settings import AppSettings

SECRET_FILE = "mail-secret"  # noqa: S105  the name of a file


def mail_secret(data_dir: Path) -> bytes:
    """Return what links are signed with, made now if there is none."""
    return kept_secret(data_dir / SECRET_FILE, otherwise="links in mail hold until the server stops")


class Links:
    """The addresses of one send.

    Parameters
    ----------
    public_url
        Where shoppers reach this API, without a slash at its end.
    seal
        What signs.
    send
        Whose recipients they are for.
    """

    def __init__(self, public_url: str, seal: Seal, send: Send) -> None:
        self._public_url = public_url
        self._seal = seal
        self._key = send.key
        self._last: tuple[tuple[int, int], str] = ((-1, -1), "")

    @classmethod
    def of(cls, settings: AppSettings, send: Send) -> Self | None:
        """Return the links of a send; None where `campaign.public_url` is not set, so that there are none.

        Raises
        ------
        ConfigError
            If nobody said where the shop is, or the secret cannot be kept: every link would lead to nothing.
        """
        public_url = settings.campaign.public_url
        if public_url is None:
            return None
        if settings.campaign.shop_url is None and settings.serving.demo_shop == "off":
            raise ConfigError(
                "campaign.shop_url is not set, so links in mail would lead nowhere; write the address of the shop's "
                "home page, such as https://shop.example"
            )
        secret = mail_secret(settings.data_dir)
        if not (settings.data_dir / SECRET_FILE).exists():
            raise ConfigError(
                f"{settings.data_dir / SECRET_FILE} cannot be written, so no server would know the links of this "
                "send; make the data folder writable, or unset campaign.public_url"
            )
        return cls(public_url, Seal(secret), send)

    def click(self, number: int, slot: int) -> str:
        """Return the address to follow; recipients and slots are counted from 0."""
        return f"{self._public_url}{FOLLOW}{self._token(number, slot)}"

    def image(self, number: int, slot: int) -> str:
        """Return the address of the picture, as PNG, because few mail programs draw SVG."""
        return f"{self._public_url}{LOOK}{self._token(number, slot)}.png"

    def _token(self, number: int, slot: int) -> str:
        assert 0 <= number <= MAX_NUMBER, number
        assert 0 <= slot <= MAX_SLOT, slot
        return self._seal.write(Place(self._key, number, slot))
