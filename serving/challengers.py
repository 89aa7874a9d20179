"""Versions beside the served one: what the variants of experiments that name a version are answered with.

A challenger is published like the served version, only without the pointer: every user has candidates of it, and no
variant waits longer for its shelf than another. It is answered with while three things are so: an experiment names
it, the store keeps it as a challenger, and its artifact could be loaded. Else its variant gets the served version,
which a line in the log says once and a metric counts.
"""

from __future__ import annotations

import logging
from collections.abc import Set as AbstractSet

from serving.logs import FIELDS
from serving.metrics import Metrics
from serving.model_loader import Loaded, ModelLoader
from serving.shelves.ready import Ready

_log = logging.getLogger(__name__)


class Challengers:
    """Those that experiments name, loaded while the store keeps them."""

    def __init__(self, named: AbstractSet[str], loader: ModelLoader, metrics: Metrics) -> None:
        self._named = sorted(named)
        self._loader = loader
        self._metrics = metrics
        for version in self._named:
            # From zero on: a counter that begins at its first missed slate would hide that one.
            metrics.challenger_missed.labels(version)
        self._loaded: dict[str, Loaded] = {}
        self._absent: frozenset[str] = frozenset()
        """Of which the log has said that the store does not keep them."""

    def get(self, version: str) -> Ready | None:
        """Return what answers for a version; None while it is not there."""
        loaded = self._loaded.get(version)
        return None if loaded is None else loaded.ready

    async def refresh(self, kept: AbstractSet[str], *, served: str | None) -> None:
        """Load those named that the store keeps, and let go of the others; the served one is at hand already."""
        wanted = [version for version in self._named if version in kept and version != served]
        for version in self._loaded.keys() - set(wanted):
            self._let_go(version)
        for version in wanted:
            loaded = self._loaded.get(version)
            if loaded is None or self._loader.is_replaced(loaded):
                await self._load(version)
        self._note_absent(frozenset(self._named) - kept - {served})

    async def _load(self, version: str) -> None:
        loaded = await self._loader.load(version, otherwise="its variants get the served one")
        if loaded is not None:
            self._loaded[version] = loaded
            self._metrics.challenger.labels(version).set(1)
            _log.info("version %s is served to its variants", version, extra={FIELDS: {"version": version}})

    def _let_go(self, version: str) -> None:
        del self._loaded[version]
        self._metrics.challenger.labels(version).set(0)

    def _note_absent(self, absent: frozenset[str]) -> None:
        for version in sorted(absent - self._absent):
            _log.warning(
                "version %s is no challenger: its variants get the served one; publish it beside that one",
                version,
                extra={FIELDS: {"version": version}},
            )
        self._absent = absent
