"""Which engine answers now.

The version to serve is the one the store points to; without a store, or before the first publishing, the one that
``artifacts/CURRENT`` names. A new engine is loaded beside the old one and takes its place in one assignment, so a
request sees one model from beginning to end. An artifact that cannot be loaded is refused, and the old engine goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import anyio.to_thread

from recommender.artifact import MANIFEST_FILE, load_artifact
from recommender.engine import Engine
from recommender.errors import InvalidArtifact, StoreUnavailable
from serving.logs import FIELDS
from serving.metrics import Metrics
from serving.shelves.ready import Ready
from serving.stores import Pointer, SlateStore

CURRENT_FILE = "CURRENT"
RETRY_SECONDS = 30.0
"""How long a refused artifact is left alone: reading it costs a checksum of every byte."""

_log = logging.getLogger(__name__)


class ModelHolder:
    """Holds the engine, and replaces it when another version is published."""

    def __init__(
        self,
        artifacts: Path,
        store: SlateStore,
        metrics: Metrics,
        *,
        prepare: Callable[[Engine], Ready],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._artifacts = artifacts
        self._store = store
        self._metrics = metrics
        self._prepare = prepare
        self._monotonic = monotonic
        self._ready: Ready | None = None
        self._inode: int | None = None
        """Of the manifest of what answers."""
        self._pointer = Pointer()
        self._refused_until: dict[str, float] = {}

    @property
    def ready(self) -> Ready | None:
        """What answers, or None while nothing does."""
        return self._ready

    @property
    def engine(self) -> Engine | None:
        """The engine that answers, or None while there is none."""
        return None if self._ready is None else self._ready.engine

    @property
    def pointer(self) -> Pointer:
        """What the store pointed to when it was last heard of."""
        return self._pointer

    def is_published(self, version: str) -> bool:
        """Say whether candidates of `version` are to be expected in the store."""
        return version in (self._pointer.current, self._pointer.previous)

    async def refresh(self) -> None:
        """Look which version is to be served, and load it if it is another one."""
        try:
            self._pointer = await self._store.pointer()
        except StoreUnavailable:
            self._metrics.store_errors.labels("pointer").inc()
        for version in self._wanted():
            if self._ready is not None and version == self._ready.engine.version and not self._is_replaced(version):
                return
            if await self._load(version):
                return

    def _is_replaced(self, version: str) -> bool:
        """Say whether a version is another copy than the one that answers: people were taken out of it."""
        seen = _inode(self._artifacts / version)
        return seen is not None and seen != self._inode

    def _wanted(self) -> list[str]:
        """Return the versions to try, best first; what only fills the gap is not tried while an engine answers."""
        marked = self._marked()
        best = self._pointer.current or marked
        fallbacks = [] if self._ready is not None else [marked, self._pointer.previous]
        return list(dict.fromkeys(version for version in (best, *fallbacks) if version))

    def _marked(self) -> str | None:
        try:
            return (self._artifacts / CURRENT_FILE).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    async def _load(self, version: str) -> bool:
        if self._monotonic() < self._refused_until.get(version, 0.0):
            return False
        inode = _inode(self._artifacts / version)
        try:
            ready = await anyio.to_thread.run_sync(self._read, self._artifacts / version)
        except (InvalidArtifact, OSError) as error:
            self._refused_until[version] = self._monotonic() + RETRY_SECONDS
            self._metrics.artifacts_refused.inc()
            _log.error(
                "version %s cannot be served: %s; %s",
                version,
                error,
                "the old one goes on" if self._ready else "no model yet",
                extra={FIELDS: {"version": version}},
            )
            return False
        self._swap(ready)
        self._inode = inode
        return True

    def _read(self, directory: Path) -> Ready:
        return self._prepare(_read_engine(directory))

    def _swap(self, ready: Ready) -> None:
        engine = ready.engine
        if self._ready is not None:
            self._metrics.model.labels(self._ready.engine.version).set(0)
        self._ready = ready
        self._refused_until.clear()
        self._metrics.model.labels(engine.version).set(1)
        self._metrics.model_age.set(float(engine.model.as_of.astype("datetime64[s]").astype(int)))
        _log.info("version %s is served", engine.version, extra={FIELDS: {"version": engine.version}})


def _inode(directory: Path) -> int | None:
    try:
        return (directory / MANIFEST_FILE).stat().st_ino
    except OSError:
        return None


def _read_engine(directory: Path) -> Engine:
    if directory.parent.joinpath(directory.name).resolve().parent != directory.parent.resolve():
        raise InvalidArtifact(f"{directory.name!r} is no version")
    artifact = load_artifact(directory)
    return Engine(artifact.model, version=artifact.version)
