"""Where shelves are handed out: a prepared list goes in, an answer comes out."""

from __future__ import annotations

import logging
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from recommender.candidates import Source
from recommender.engine import Engine
from recommender.errors import InvalidInput
from recommender.purpose import Purpose
from serving.clock import Moments
from serving.metrics import Metrics
from serving.questions import Asked
from serving.random_ids import RandomIds
from serving.shelves import pieces
from serving.shelves.cutter import NOTHING
from serving.shelves.ready import Ready

_LABELS = [source.label for source in Source]

_log = logging.getLogger(__name__)


class Reply(NamedTuple):
    """An answer as it is sent."""

    body: bytes
    source: str
    """Label of the highest rung that contributed."""
    degraded_reason: str | None = None


class Counter:
    """Writes answers from prepared lists."""

    def __init__(self, metrics: Metrics, moment: Moments, slate_id: RandomIds) -> None:
        self._metrics = metrics
        self._moment = moment
        self._slate_id = slate_id

    def cut(
        self,
        ready: Ready,
        asked: Asked,
        user_id: str | None,
        record: bytes,
        *,
        purpose: Purpose,
        barred: AbstractSet[int] = NOTHING,
        degraded: str | None = None,
    ) -> Reply | None:
        """Return the shelf that a prepared list fills, or None."""
        try:
            cut = ready.cutter.cut(record, purpose, limit=asked.limit, barred=barred, reasons=asked.reasons)
        except InvalidInput as error:
            self.note_unreadable(ready.engine, error)
            return None
        if cut is None:
            return None
        if degraded is not None:
            self._metrics.degraded.labels(degraded).inc()
        body = pieces.slate_body(
            cut.items,
            slate_id=self._slate_id(),
            user_id=user_id,
            placement=asked.placement,
            source=cut.source,
            version=ready.version,
            created_at=self._moment(ready.engine.model.as_of),
            degraded=degraded,
        )
        return Reply(body, _LABELS[cut.source], degraded)

    def note_unreadable(self, engine: Engine, error: InvalidInput) -> None:
        """Take note of a record that cannot be read."""
        self._metrics.candidates.labels("unreadable").inc()
        _log.warning("stored candidates of version %s are left aside: %s", engine.version, error)
