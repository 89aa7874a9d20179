"""The record of a send as files are written from it.

It has nobody who must not be written to today, and of items only addresses that lead somewhere from a file or a mail.
The record itself keeps what the catalogue said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from serving.campaigns.choosing import ERASED
from serving.campaigns.snapshot import RecipientRow, SentItem, Snapshot
from serving.campaigns.web_addresses import absolute

MAX_SHOWN = 80
"""Characters of an address in a warning."""


ADDRESSES = {"url": "page", "image_url": "picture"}
"""The fields of an item that hold an address, as a setting of `[items]` names them, and what they lead to."""


@dataclass(slots=True)
class Addresses:
    """How many items have an address, by field."""

    items: int = 0
    there: Counter[str] = field(default_factory=Counter)
    """Items with one that is written."""
    refused: Counter[str] = field(default_factory=Counter)
    """Items with one that is left empty, because it leads nowhere."""
    examples: dict[str, str] = field(default_factory=dict)
    """The first that was left empty."""

    def warnings(self, *, has_links: bool, has_shop_url: bool) -> Iterator[str]:
        """Say what was left empty or is not there at all, and which setting to look at; links stand in for both."""
        relative = "" if has_shop_url else ", or set campaign.shop_url if it is relative to the shop"
        for what, leads_to in ADDRESSES.items():
            if self.refused[what]:
                yield (
                    f"{self.refused[what]:,} of {self.items:,} items are written without their {leads_to}: "
                    f"{self.examples[what][:MAX_SHOWN]!r} is no absolute address with http or https, or too long. "
                    f"Correct items.{what}{relative}."
                )
            elif self.items and not self.there[what] and not has_links:
                yield (
                    f"No item of this send has a {leads_to}. Name its column or template in items.{what}, train and "
                    "publish; or set campaign.public_url for links and pictures that this API answers."
                )


class Outgoing(Snapshot):
    """Reads a send like any other reader, and never meets who is withheld.

    Parameters
    ----------
    path
        The record.
    withheld
        Recipients who are not written, with the reason (`serving.campaigns.review`).
    shop_url
        The shop's home page, which relative addresses begin with; without one, they are left empty.
    """

    def __init__(self, path: Path, withheld: Mapping[str, str], *, shop_url: str | None = None) -> None:
        super().__init__(path)
        self._withheld = withheld
        self._shop_url = shop_url
        self._described: dict[int, SentItem] = {}

    def rows(self) -> Iterator[RecipientRow]:
        """Yield the bare rows of those who are written, by number."""
        yield from (row for row in super().rows() if row.user_id not in self._withheld)

    def suppressed(self) -> Iterator[tuple[str, str]]:
        """Yield who is left out with the reason; who asked to be forgotten since is not named."""
        yield from super().suppressed()
        yield from ((user_id, why) for user_id, why in self._withheld.items() if why != ERASED)

    def item(self, number: int) -> SentItem:
        """Return an item of the send by its number, without addresses that lead nowhere."""
        if (known := self._described.get(number)) is None:
            item, base = super().item(number), self._shop_url
            url, image_url = absolute(item.url, base=base), absolute(item.image_url, base=base)
            known = self._described[number] = replace(item, url=url, image_url=image_url)
        return known

    def addresses(self) -> Addresses:
        """Return what became of the addresses of all items that the send speaks of."""
        found = Addresses()
        for number, _ in self.item_ids():
            written, left = super().item(number), self.item(number)
            found.items += 1
            for what in ADDRESSES:
                address = getattr(written, what)
                found.there[what] += bool(getattr(left, what))
                if address and not getattr(left, what):
                    found.refused[what] += 1
                    found.examples.setdefault(what, address)
        return found
