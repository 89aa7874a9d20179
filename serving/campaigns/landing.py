"""Where a link in a mail may lead: to a page of the shop, and nowhere else.

An address is never handed on as it stands. Its host is compared, letter by letter, with those that the settings name,
and the rest is written anew, so that no browser reads another host out of it than was compared here. Whatever does not
pass leads to the shop's home page.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, urljoin

from recommender.catalogue import Item
from serving.campaigns.mail_settings import MailSettings
from serving.shop.addresses import address

MAX_CHARACTERS = 2_048
"""Of an address; longer ones are cut off somewhere on their way."""

_ADDRESS = re.compile(
    r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?((?:[/?#].*)?)", re.ASCII | re.IGNORECASE | re.DOTALL
)
"""With `re.ASCII`, for without it ſ is an s to whoever ignores case, and then no scheme that is known."""
_USUAL_PORTS = {"http": ":80", "https": ":443"}
_KEPT = "%/:?#[]@!$&'()*+,;=~"
"""What stays as it is in an address; everything else is percent-encoded."""


class Landing:
    """Leads shoppers.

    Parameters
    ----------
    settings
        The shop's home page and hosts.
    has_demo_shop
        Whether items without a page of their own have one in the demo shop.
    """

    def __init__(self, settings: MailSettings, *, has_demo_shop: bool = False) -> None:
        self._base = settings.shop_url
        self._here = settings.public_url or ""
        self._has_demo_shop = has_demo_shop
        own = () if settings.shop_url is None else (settings.shop_url.partition("://")[2].partition("/")[0].lower(),)
        self._hosts = frozenset((*own, *settings.hosts))

    @property
    def is_known(self) -> bool:
        """Whether anybody said where the shop is."""
        return self._base is not None or self._has_demo_shop

    @property
    def hosts(self) -> tuple[str, ...]:
        """The shop's own hosts, in alphabetical order."""
        return tuple(sorted(self._hosts))

    @property
    def home(self) -> str:
        """The shop's home page."""
        if self._base is not None:
            return f"{self._base}/" if self._base.count("/") == 2 else self._base
        return f"{self._here}/{address('')}" if self._has_demo_shop else f"{self._here}/"

    def page_of(self, item: Item) -> str:
        """Return the page of an item."""
        page = self.own(item.url)
        if page is None and self._has_demo_shop:
            return f"{self._here}/{address('item', id=item.item_id)}"
        return page or self.home

    def own(self, written: str) -> str | None:
        """Return an address of the shop, made safe to lead to; None if it is none of the shop's.

        >>> landing = Landing(MailSettings(shop_url="https://shop.example", hosts=("img.shop.example",)))
        >>> landing.own("/tea?id=ü"), landing.own("https://IMG.shop.example:443/a b.png")
        ('https://shop.example/tea?id=%C3%BC', 'https://img.shop.example/a%20b.png')
        >>> [landing.own(evil) for evil in ("//evil.example", "https://shop.example@evil.example/")]
        [None, None]
        """
        if not written or len(written) > MAX_CHARACTERS or any(unicodedata.category(sign) == "Cc" for sign in written):
            return None
        found = _ADDRESS.fullmatch(self._absolute(written))
        if found is None:
            return None
        scheme, name, port, rest = found[1].lower(), found[2].lower(), found[3] or "", found[4]
        host = name + port.removesuffix(_USUAL_PORTS[scheme]) if port == _USUAL_PORTS[scheme] else name + port
        return f"{scheme}://{host}{quote(rest, safe=_KEPT) or '/'}" if host in self._hosts else None

    def _absolute(self, written: str) -> str:
        """Return an address with a host: relative ones are the shop's."""
        if self._base is None or _ADDRESS.match(written):
            return written
        try:
            return urljoin(f"{self._base}/", written)
        except ValueError:
            return ""
