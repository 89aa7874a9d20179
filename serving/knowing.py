"""What is known of a visitor when a slate must be computed, and whether their stored candidates still hold."""

from __future__ import annotations

import dataclasses

from recommender.candidates import Candidates
from recommender.errors import InvalidInput, StoreUnavailable
from recommender.purpose import Purpose
from serving.engine_thread import Known
from serving.erasures import Erasures
from serving.events.fresh import decode
from serving.metrics import Metrics
from serving.model_holder import ModelHolder
from serving.opt_outs import OptOuts
from serving.questions import IMPERSONAL, Question
from serving.shelves.counter import Counter
from serving.shelves.ready import Ready
from serving.stores import SlateStore, UserRecord
from serving.stores.choices import OPTED_OUT
from serving.stores.packed import unpack

STORE_UNAVAILABLE = "store_unavailable"
CANDIDATES_MISSING = "candidates_missing"


class Knowing:
    """Asks the store."""

    def __init__(
        self, holder: ModelHolder, erasures: Erasures, opt_outs: OptOuts, metrics: Metrics, counter: Counter
    ) -> None:
        self._holder = holder
        self._erasures = erasures
        self._opt_outs = opt_outs
        self._metrics = metrics
        self._counter = counter

    async def of(self, question: Question, ready: Ready, store: SlateStore) -> Known:
        """Return what is known of who asks."""
        name = question.visitor
        if name is None:
            return Known()
        if name in self._erasures:
            return Known(erased=True)
        is_guest = question.user_id is None
        version = None if is_guest or question.placement in IMPERSONAL else ready.engine.version
        try:
            record = await store.read_user(name, version=version)
        except StoreUnavailable:
            self._metrics.store_errors.labels("read_user").inc()
            self._metrics.candidates.labels("no_store").inc()
            opted_out = name in self._opt_outs
            return Known(erased=opted_out, opted_out=opted_out, degraded_reason=STORE_UNAVAILABLE)
        if record.erased:
            return Known(erased=True)
        if is_guest:
            return Known(fresh=decode(record.fresh, ready.engine))
        if self.opted_out(name, record):
            return wished(record, name, ready, opted_out=True)
        return self.judged(record, question, ready)

    def opted_out(self, user_id: str, record: UserRecord) -> bool:
        """Say whether a user switched personal picks off, be it a moment ago in another process."""
        return user_id in self._opt_outs.users or OPTED_OUT in record.fresh

    def judged(self, record: UserRecord, question: Question, ready: Ready) -> Known:
        """Decide whether stored candidates still hold."""
        engine = ready.engine
        fresh = decode(record.fresh, engine, question.user_id)
        if question.placement in IMPERSONAL or fresh.has_complaint:
            return Known(fresh=fresh)
        if fresh.positive or question.viewed or question.cart:
            self._metrics.candidates.labels("computed").inc()
            return Known(fresh=fresh)
        candidates = None if record.candidates is None else self.unpacked(record.candidates, question, ready)
        if candidates is not None:
            self._metrics.candidates.labels("stored").inc()
            return Known(fresh=fresh, candidates=candidates)
        self._metrics.candidates.labels("missing").inc()
        missed = question.user_id in engine.model.users and self._holder.is_published(engine.version)
        return Known(fresh=fresh, degraded_reason=CANDIDATES_MISSING if missed else None)

    def unpacked(self, record: bytes, question: Question, ready: Ready) -> Candidates | None:
        """Return stored candidates; None if they cannot be read."""
        purpose = Purpose.NEW if question.new_only else Purpose.ALL
        try:
            return unpack(record, purpose, ready.cutter.numbering).candidates
        except InvalidInput as error:
            self._counter.note_unreadable(ready.engine, error)
            return None


def wished(record: UserRecord, user_id: str, ready: Ready, *, opted_out: bool) -> Known:
    """Return what a user does not want to see, and nothing else of what was read of them."""
    if record.erased:
        return Known(erased=True)
    fresh = decode(record.fresh, ready.engine, user_id)
    return Known(erased=True, opted_out=opted_out, fresh=dataclasses.replace(fresh, positive=()))
