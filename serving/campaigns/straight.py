"""The places of a mail without signed links: for looking at it, and for shops that want none.

A link leads straight to the item's page and reports nothing; a picture is the shop's own or travels in the mail.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from recommender.catalogue import Item
from serving.campaigns.landing import Landing
from serving.campaigns.letters import Shop
from serving.campaigns.rows import Links
from serving.campaigns.shown import picture_png
from serving.campaigns.snapshot import Sent, SentItem
from serving.campaigns.web_addresses import absolute
from serving.settings import AppSettings


class Straight:
    """Leads to items directly.

    Parameters
    ----------
    items
        What stands in each slot.
    landing
        Knows which addresses are the shop's.
    with_pictures
        Whether items without a picture of the shop get the drawn one, as part of the mail.
    """

    def __init__(self, items: Sequence[Item], landing: Landing, *, with_pictures: bool) -> None:
        self._items = items
        self._landing = landing
        self._with_pictures = with_pictures

    def click(self, slot: int) -> str:
        """Return the item's page; where nobody said which hosts are the shop's, the address the catalogue has."""
        item = self._items[slot]
        return self._landing.page_of(item) if self._landing.is_known else absolute(item.url)

    def image(self, slot: int) -> str:
        """Return the shop's picture, or one that needs no address."""
        item = self._items[slot]
        own = self._landing.own(item.image_url) if self._landing.is_known else absolute(item.image_url)
        if own or not self._with_pictures:
            return own or ""
        content = picture_png(item.title or item.item_id, item.category, item.department)
        return f"data:image/png;base64,{base64.b64encode(content).decode()}"


class Abroad:
    """Places of a mail that leaves the house, of which some lead nowhere from there: those are empty."""

    def __init__(self, places: Straight) -> None:
        self._places = places

    def click(self, slot: int) -> str:
        """Return the item's page, if its address has a host."""
        return absolute(self._places.click(slot))

    def image(self, slot: int) -> str:
        """Return the shop's picture, if its address has a host."""
        return absolute(self._places.image(slot))


class Signed:
    """The signed links of one recipient."""

    def __init__(self, links: Links, number: int) -> None:
        self._links = links
        self._number = number

    def click(self, slot: int) -> str:
        """Return the address to follow."""
        return self._links.click(self._number, slot)

    def image(self, slot: int) -> str:
        """Return the address of the picture."""
        return self._links.image(self._number, slot)


def items_of(sent: Sent) -> list[Item]:
    """Return what stands in each slot, as it was when it was sent."""
    return [_item(pick.item) for pick in sent.picks]


def shop_of(settings: AppSettings, landing: Landing) -> Shop:
    """Return what letters say of the shop."""
    return Shop(
        name=settings.shop_name,
        url=landing.home if landing.is_known else "",
        currency=settings.currency,
        language=settings.campaign.language,
    )


def _item(sent: SentItem) -> Item:
    return Item(
        item_id=sent.item_id,
        title=sent.title,
        category=sent.category,
        url=sent.url,
        image_url=sent.image_url,
    )
