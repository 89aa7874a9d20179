"""Where a link in a mail may lead: to a page of the shop, and nowhere else.

An address is never handed on as it stands (`serving.campaigns.web_addresses`). Its host is compared, letter by letter,
with those that the settings name. Whatever does not pass leads to the shop's home page.
"""

from __future__ import annotations

from recommender.catalogue import Item
from serving.campaigns.mail_settings import MailSettings
from serving.campaigns.web_addresses import web_address_of
from serving.shop.addresses import address


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
        found = web_address_of(written, base=self._base)
        if found is None or found.host not in self._hosts:
            return None
        return f"{found}" if found.rest else f"{found}/"
