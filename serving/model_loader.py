"""Loading artifacts to answer with: each once, and a broken one not again for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from recommender.artifact import MANIFEST_FILE, load_artifact
from recommender.engine import Engine
from recommender.errors import InvalidArtifact
from serving.logs import FIELDS
from serving.metrics import Metrics
from serving.shelves.ready import Ready

RETRY_SECONDS = 30.0
"""How long a refused artifact is left alone: reading it costs a checksum of every byte."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded, and from which copy of the artifact."""

    ready: Ready
    inode: int | None
    """Of the manifest."""

    @property
    def version(self) -> str:
        """Its version."""
        return self.ready.engine.version


class ModelLoader:
    """Reads the artifacts of one folder."""

    def __init__(
        self,
        artifacts: Path,
        metrics: Metrics,
        *,
        prepare: Callable[[Engine], Ready],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._artifacts = artifacts
        self._metrics = metrics
        self._prepare = prepare
        self._monotonic = monotonic
        self._refused_until: dict[str, float] = {}

    async def load(self, version: str, *, otherwise: str) -> Loaded | None:
        """Load a version in a thread; None if it cannot be served, which the log says with what happens `otherwise`."""
        if self._monotonic() < self._refused_until.get(version, 0.0):
            return None
        inode = self._inode(version)
        try:
            ready = await anyio.to_thread.run_sync(self._read, self._artifacts / version)
        except (InvalidArtifact, OSError) as error:
            self._refused_until[version] = self._monotonic() + RETRY_SECONDS
            self._metrics.artifacts_refused.inc()
            fields = {FIELDS: {"version": version}}
            _log.error("version %s cannot be served: %s; %s", version, error, otherwise, extra=fields)
            return None
        self._refused_until.pop(version, None)
        return Loaded(ready, inode)

    def is_replaced(self, loaded: Loaded) -> bool:
        """Say whether there is another copy than the one that was loaded: people were taken out of it."""
        seen = self._inode(loaded.version)
        return seen is not None and seen != loaded.inode

    def _inode(self, version: str) -> int | None:
        try:
            return (self._artifacts / version / MANIFEST_FILE).stat().st_ino
        except OSError:
            return None

    def _read(self, directory: Path) -> Ready:
        if directory.parent.joinpath(directory.name).resolve().parent != directory.parent.resolve():
            raise InvalidArtifact(f"{directory.name!r} is no version")
        artifact = load_artifact(directory)
        return self._prepare(Engine(artifact.model, version=artifact.version))
