"""What the shop says about its items: title, category, price, where they are shown.

A `Catalogue` holds one row per item of the model, in the order of the item `IdMap`. It is a snapshot
taken at training time; stock and price changes that arrive later are the serving layer's overlay.
An item without catalogue data has an empty title and category and an unknown price: it can still be recommended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.text import TextColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item as a shop page needs it."""

    item_id: str
    title: str = ""
    category: str = ""
    """The shelf it stands on; category caps and "popular in" work on this level."""
    department: str = ""
    """The level above category."""
    brand: str = ""
    price: float | None = None
    """In the shop's currency; None where unknown."""
    url: str = ""
    image_url: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Item attributes as columns, in the order of the item ids.

    Raises
    ------
    InvalidInput
        If the columns differ in length.
    """

    title: TextColumn
    category: npt.NDArray[np.int32]
    """(n_items,) index into `categories`."""
    categories: tuple[str, ...]
    """Distinct category names, ascending; the empty name stands for "unknown"."""
    department: TextColumn
    brand: TextColumn
    price: npt.NDArray[np.float64]
    """(n_items,) in the shop's currency, NaN where unknown."""
    url: TextColumn
    image_url: TextColumn

    def __post_init__(self) -> None:
        lengths = {
            len(column)
            for column in (
                self.title,
                self.category,
                self.department,
                self.brand,
                self.price,
                self.url,
                self.image_url,
            )
        }
        if len(lengths) != 1:
            raise InvalidInput(f"catalogue columns differ in length: {sorted(lengths)}")

    @classmethod
    def from_items(cls, items: Sequence[Item]) -> Catalogue:
        """Build from items already in the order of the item `IdMap`."""
        categories = tuple(sorted({item.category for item in items}))
        position = {name: index for index, name in enumerate(categories)}
        return cls(
            title=TextColumn.from_strings(item.title for item in items),
            category=np.array([position[item.category] for item in items], dtype=np.int32),
            categories=categories,
            department=TextColumn.from_strings(item.department for item in items),
            brand=TextColumn.from_strings(item.brand for item in items),
            price=np.array([np.nan if item.price is None else item.price for item in items], dtype=np.float64),
            url=TextColumn.from_strings(item.url for item in items),
            image_url=TextColumn.from_strings(item.image_url for item in items),
        )

    def __len__(self) -> int:
        return len(self.category)

    def category_index(self, name: str) -> int | None:
        """Return the index of the category called `name`, or None if no item is in it."""
        try:
            return self.categories.index(name)
        except ValueError:
            return None

    def item(self, index: int, *, item_id: str) -> Item:
        """Return row `index` as an `Item` called `item_id`."""
        price = float(self.price[index])
        return Item(
            item_id=item_id,
            title=self.title[index],
            category=self.categories[self.category[index]],
            department=self.department[index],
            brand=self.brand[index],
            price=None if np.isnan(price) else price,
            url=self.url[index],
            image_url=self.image_url[index],
        )
