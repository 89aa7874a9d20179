"""What the shop said about its items since training, laid over the trained catalogue.

An update is a patch: attributes it does not name stay as they are, in this process and in the store. `Shelf` arrays
are kept per model and changed in place, element by element, so that a stock change costs nothing to requests and is
effective with the next one. Other processes learn of it when they poll.

Several models may answer at once, each with a numbering of its own, the engine's thread beside the event loop: what was
laid out for one is never another's.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np
import orjson

from recommender.catalogue import Item
from recommender.errors import StoreUnavailable
from recommender.ids import IdMap
from recommender.model import Model
from recommender.rules import Shelf
from serving.stores import ItemStore

Patch = Mapping[str, Any]
"""Attribute → value, of the attributes of `Item` and `stock`."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LiveItem:
    """An item as it is now."""

    item: Item
    picture: str
    """Address of its picture: the shop's, or the one we draw."""
    in_stock: bool = True


class Watcher(Protocol):
    """Keeps something that was made of items, and must know when they change."""

    def item_changed(self, item_id: str) -> None:
        """Forget what was made of an item."""
        ...


_ATTRIBUTES = frozenset(each.name for each in dataclasses.fields(Item)) - {"item_id"}


@dataclass(frozen=True, slots=True)
class _Laid:
    """What was laid out for one model; it holds no model, so that one nobody answers with any more goes."""

    items: IdMap
    shelf: Shelf
    shown: dict[int, LiveItem] = field(default_factory=dict)
    """By index."""

    def put(self, item_id: str, patch: Patch) -> None:
        """Change an item, if the model knows it."""
        index = self.items.get(item_id)
        if index is None:
            return
        self.shelf.in_stock[index] = _in_stock(patch)
        if "price" in patch:
            self.shelf.price[index] = np.nan if patch["price"] is None else patch["price"]
        self.shown.pop(index, None)


class LiveCatalogue:
    """The trained catalogue with every later update in it."""

    def __init__(self, store: ItemStore) -> None:
        self._store = store
        self._patches: dict[str, dict[str, Any]] = {}
        self._unsent: dict[str, dict[str, Any]] = {}
        self._revision = 0
        self._laid: weakref.WeakKeyDictionary[Model, _Laid] = weakref.WeakKeyDictionary()
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self._changing = threading.Lock()

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` about every change from now on, as long as somebody else holds it."""
        with self._changing:
            self._watchers.add(watcher)

    async def put(self, patches: Mapping[str, Patch]) -> bool:
        """Apply patches here and share them; say whether they could be shared yet."""
        self._apply(patches)
        _merge(self._unsent, patches)
        try:
            await self._send()
        except StoreUnavailable:
            return False
        return True

    async def refresh(self) -> None:
        """Send what could not be sent, and apply what other processes sent.

        Raises
        ------
        StoreUnavailable
            If the store is away; the next call tries again.
        """
        await self._send()
        self._revision, changed = await self._store.changes(self._revision)
        self._apply({item_id: _decoded(item_id, attributes) for item_id, attributes in changed.items()})

    def shelf(self, model: Model) -> Shelf:
        """Return what can be sold now, aligned with the items of `model`."""
        return self._laid_for(model).shelf

    def knows(self, item_id: str, model: Model) -> bool:
        """Say whether the model or an update speaks of this item."""
        return item_id in model.items or item_id in self._patches

    def item(self, item_id: str, model: Model) -> LiveItem:
        """Return an item as it is now; one nobody described has an id and nothing else."""
        laid, index = self._laid_for(model), model.items.get(item_id)
        if index is None:
            return _merged(Item(item_id=item_id), self._patches.get(item_id, {}))
        shown = laid.shown.get(index)
        if shown is None:
            trained = model.catalogue.item(index, item_id=item_id)
            shown = _merged(trained, self._patches.get(item_id, {}))
            laid.shown[index] = shown
        return shown

    def _laid_for(self, model: Model) -> _Laid:
        laid = self._laid.get(model)
        if laid is not None:
            return laid
        with self._changing:
            laid = self._laid.get(model)
            if laid is None:
                in_stock = np.ones(len(model.items), np.bool_)
                laid = _Laid(model.items, Shelf(in_stock, np.array(model.catalogue.price, np.float64)))
                for item_id, patch in self._patches.items():
                    laid.put(item_id, patch)
                self._laid[model] = laid
            return laid

    async def _send(self) -> None:
        if not self._unsent:
            return
        sending, self._unsent = self._unsent, {}
        try:
            await self._store.put(
                {
                    item_id: {name: orjson.dumps(value) for name, value in patch.items()}
                    for item_id, patch in sending.items()
                }
            )
        except BaseException:
            _merge(sending, self._unsent)
            self._unsent = sending
            raise

    def _apply(self, patches: Mapping[str, Patch]) -> None:
        with self._changing:
            _merge(self._patches, patches)
            for item_id in patches:
                # What this process could not send yet is newer than anything the store can tell.
                merged = self._patches[item_id] | self._unsent.get(item_id, {})
                self._patches[item_id] = merged
                for laid in self._laid.values():
                    laid.put(item_id, merged)
                for watcher in self._watchers:
                    watcher.item_changed(item_id)


def picture_path(item_id: str) -> str:
    """Return the address of the picture we draw for an item that has none.

    >>> picture_path("a/b 空")
    '/v1/items/a%2Fb%20%E7%A9%BA/picture.svg'
    """
    return f"/v1/items/{quote(item_id, safe='')}/picture.svg"


def _in_stock(patch: Patch) -> bool:
    stock = patch.get("stock")
    return stock is None or stock > 0


def _merged(item: Item, patch: Patch) -> LiveItem:
    known = {name: value for name, value in patch.items() if name in _ATTRIBUTES}
    live = dataclasses.replace(item, **known)
    return LiveItem(live, live.image_url or picture_path(item.item_id), _in_stock(patch))


def _merge(into: dict[str, dict[str, Any]], patches: Mapping[str, Patch]) -> None:
    for item_id, patch in patches.items():
        into[item_id] = {**into.get(item_id, {}), **patch}


def _decoded(item_id: str, attributes: Mapping[str, bytes]) -> Patch:
    try:
        patch = {name: orjson.loads(value) for name, value in attributes.items()}
    except orjson.JSONDecodeError:
        patch = {"not JSON": None}
    if all(_is_fit(name, value) for name, value in patch.items()):
        return patch
    _log.warning("the stored update of item %.80r cannot be understood; it is left out", item_id)
    return {}


def _is_fit(name: str, value: Any) -> bool:
    """Say whether a stored value can be what the API lets in."""
    if name in ("price", "stock"):
        return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value >= 0)
    return name in _ATTRIBUTES and isinstance(value, str)
