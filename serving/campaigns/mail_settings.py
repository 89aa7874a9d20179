"""What mail needs to know: where its links lead, and what it looks like. Part of ``[campaign]``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_HOST = re.compile(r"([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


def _host(value: str) -> str:
    lowered = value.lower()
    if not _HOST.fullmatch(lowered):
        raise ValueError(
            f"{value[:80]!r} is no host; write it without scheme and path, such as www.shop.example "
            "(names with other letters in Punycode, xn--…)"
        )
    return lowered


def _page(value: str) -> str:
    parts = urlsplit(value)
    is_address = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc.lower()) is not None
    if not is_address or not value.isascii() or not value.isprintable() or set(value) & set(" \\"):
        raise ValueError(f"{value[:80]!r} is no web address; write one such as https://shop.example")
    return value.rstrip("/")


Host = Annotated[str, AfterValidator(_host)]
"""A host, with its port if that is not the usual one."""
Page = Annotated[str, AfterValidator(_page)]
"""A web address without a slash at its end."""


class MailSettings(BaseModel):
    """Links and looks."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    public_url: Page | None = None
    """Where shoppers reach this API, such as https://reco.example, for links in mail; unset, there are none."""
    shop_url: Page | None = None
    """The shop's home page: where links end that lead nowhere else, and what relative addresses of items begin with."""
    hosts: tuple[Host, ...] = ()
    """Hosts that links in mail may lead to, beside that of `campaign.shop_url`: www.shop.example, img.shop.example."""
    link_days: float = Field(default=180.0, gt=0)
    """Days after a send for which its links lead to items; later, they lead to the shop's home page."""
    language: Literal["en", "zh"] = "en"
    """Of the words that mail is written in: English or Chinese."""
    template: Path | None = None
    """A Jinja template of your own for the HTML of a mail, in place of the one that comes with it."""
    text_template: Path | None = None
    """The same for its plain text."""
