"""An item as a page shows it, with what is true of it now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from recommender.model import Model
from serving.campaigns.wording import DIGITS
from serving.live_catalogue import LiveCatalogue

SYMBOLS = {
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "CNY": "CN¥",
    "INR": "₹",
    "KRW": "₩",
    "AUD": "A$",
    "CAD": "CA$",
}
"""As browsers write them in English; other currencies go by their code."""


@dataclass(frozen=True, slots=True)
class Goods:
    """One item."""

    item_id: str
    title: str
    category: str
    department: str
    brand: str
    price: float | None
    picture: str
    """Its address; that of a drawn one has no slash in front, so that it holds behind a path prefix."""
    in_stock: bool


class Counter:
    """Hands out goods of one model."""

    def __init__(self, catalogue: LiveCatalogue, model: Model) -> None:
        self._catalogue = catalogue
        self._model = model

    def item(self, item_id: str) -> Goods | None:
        """Return an item by its id; None if neither the model nor an update knows it."""
        if not self._catalogue.knows(item_id, self._model):
            return None
        live = self._catalogue.item(item_id, self._model)
        return Goods(
            item_id=item_id,
            title=live.item.title or item_id,
            category=live.item.category,
            department=live.item.department,
            brand=live.item.brand,
            price=live.item.price,
            picture=live.picture.removeprefix("/") if live.picture.startswith("/v1/items/") else live.picture,
            in_stock=live.in_stock,
        )

    def items(self, item_ids: Iterable[str]) -> list[Goods]:
        """Return the items that are known, in their order."""
        return [goods for item_id in item_ids if (goods := self.item(item_id)) is not None]

    def at(self, indices: Iterable[int]) -> list[Goods]:
        """Return items of the model by their index."""
        return self.items(self._model.items.ids[index] for index in indices)


def money(amount: float | None, currency: str) -> str:
    r"""Write an amount as an English page does; nothing where it is unknown.

    >>> money(1234.5, "USD"), money(300, "JPY"), money(2, "CHF"), money(None, "EUR")
    ('$1,234.50', '¥300', 'CHF\xa02.00', '')
    """
    if amount is None:
        return ""
    digits = f"{amount:,.{DIGITS.get(currency, 2)}f}"
    symbol = SYMBOLS.get(currency)
    return f"{currency}\N{NO-BREAK SPACE}{digits}" if symbol is None else symbol + digits
