"""Which engine answers now.

The version to serve is the one the store points to; without a store, or before the first publishing, the one that
``artifacts/CURRENT`` names. A new engine is loaded beside the old one and takes its place in one assignment, so a
request sees one model from beginning to end. An artifact that cannot be loaded is refused, and the old engine goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Set as AbstractSet
from pathlib import Path

from recommender.engine import Engine
from recommender.errors import StoreUnavailable
from serving.challengers import Challengers
from serving.logs import FIELDS
from serving.metrics import Metrics
from serving.model_loader import Loaded, ModelLoader
from serving.shelves.ready import Ready
from serving.stores import Pointer, SlateStore

CURRENT_FILE = "CURRENT"

_log = logging.getLogger(__name__)


class ModelHolder:
    """Holds the engine, and replaces it when another version is published; and challengers beside it."""

    def __init__(
        self,
        artifacts: Path,
        store: SlateStore,
        metrics: Metrics,
        *,
        loader: ModelLoader,
        challengers: AbstractSet[str] = frozenset(),
    ) -> None:
        self._artifacts = artifacts
        self._store = store
        self._metrics = metrics
        self._loader = loader
        self._challengers = Challengers(challengers, loader, metrics)
        self._served: Loaded | None = None
        self._pointer = Pointer()

    @property
    def ready(self) -> Ready | None:
        """What answers, or None while nothing does."""
        return None if self._served is None else self._served.ready

    @property
    def engine(self) -> Engine | None:
        """The engine that answers, or None while there is none."""
        return None if self._served is None else self._served.ready.engine

    @property
    def pointer(self) -> Pointer:
        """What the store pointed to when it was last heard of."""
        return self._pointer

    def of_version(self, version: str) -> Ready | None:
        """Return what answers for a version that experiments name; None while it is not there."""
        served = self._served
        return served.ready if served is not None and served.version == version else self._challengers.get(version)

    def is_published(self, version: str) -> bool:
        """Say whether candidates of `version` are to be expected in the store."""
        pointer = self._pointer
        return version in (pointer.current, pointer.previous) or version in pointer.challengers

    async def refresh(self) -> None:
        """Look which versions are to be served, and load what is not loaded yet."""
        is_away = False
        try:
            self._pointer = await self._store.pointer()
        except StoreUnavailable:
            is_away = True
            self._metrics.store_errors.labels("pointer").inc()
        await self._refresh_served()
        if not is_away:
            served = None if self._served is None else self._served.version
            await self._challengers.refresh(self._pointer.challengers, served=served)

    async def _refresh_served(self) -> None:
        for version in self._wanted():
            served = self._served
            if served is not None and version == served.version and not self._loader.is_replaced(served):
                return
            otherwise = "no model yet" if served is None else "the old one goes on"
            loaded = await self._loader.load(version, otherwise=otherwise)
            if loaded is not None:
                self._swap(loaded)
                return

    def _wanted(self) -> list[str]:
        """Return the versions to try, best first; what only fills the gap is not tried while an engine answers."""
        marked = self._marked()
        best = self._pointer.current or marked
        fallbacks = [] if self._served is not None else [marked, self._pointer.previous]
        return list(dict.fromkeys(version for version in (best, *fallbacks) if version))

    def _marked(self) -> str | None:
        try:
            return (self._artifacts / CURRENT_FILE).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def _swap(self, loaded: Loaded) -> None:
        if self._served is not None:
            self._metrics.model.labels(self._served.version).set(0)
        self._served = loaded
        self._metrics.model.labels(loaded.version).set(1)
        self._metrics.model_age.set(float(loaded.ready.engine.model.as_of.astype("datetime64[s]").astype(int)))
        _log.info("version %s is served", loaded.version, extra={FIELDS: {"version": loaded.version}})
