"""Answers that the engine computes, and what stands in for them while it has no time."""

from __future__ import annotations

import dataclasses
from collections.abc import Set as AbstractSet

from recommender.candidates import Candidates
from recommender.ladder import PURE, WITHHELD
from recommender.purpose import STORED, Purpose
from recommender.slate import Placement
from serving.clock import Clock
from serving.engine_thread import BusyError, EngineThread, Known, barred_of, indices
from serving.events.fresh import FreshEvents
from serving.metrics import Metrics
from serving.problems import overloaded
from serving.questions import Asked, Question
from serving.rendering import Renderer
from serving.shelves.counter import Counter, Reply
from serving.shelves.ready import Ready

BUSY = "busy"
OPEN_COMPLAINT = "open_complaint"


class Computing:
    """Asks the engine's thread, and answers with what is popular if too many wait for it."""

    def __init__(
        self, thread: EngineThread, counter: Counter, *, clock: Clock, renderer: Renderer, metrics: Metrics
    ) -> None:
        self._thread = thread
        self._counter = counter
        self._clock = clock
        self._renderer = renderer
        self._metrics = metrics

    async def reply(self, ready: Ready, question: Question, known: Known) -> Reply:
        """Let the engine answer; what is popular, if it has no time.

        Raises
        ------
        Problem
            503, if it has none and the question has filters that must be kept.
        """
        try:
            slate = await self._thread.slate(ready, question, known)
        except BusyError:
            return await self._instead(ready, question, known)
        if known.degraded_reason is not None:
            self._metrics.degraded.labels(known.degraded_reason).inc()
        body = self._renderer.slate(
            slate,
            ready,
            reasons=question.reasons,
            degraded=known.degraded_reason,
            withheld=OPEN_COMPLAINT if known.fresh.has_complaint and question.placement in WITHHELD else None,
        )
        return Reply(body, slate.source.label, known.degraded_reason)

    async def popular(
        self, ready: Ready, asked: Asked, user_id: str | None, *, degraded: str, barred: AbstractSet[int]
    ) -> Reply:
        """Answer at once with what is popular.

        Raises
        ------
        Problem
            503, if that, too, would have to wait.
        """
        record = ready.offer(Placement.HOME, None)
        assert record is not None, "lists for everybody are prepared first"
        found = self._counter.cut(ready, asked, user_id, record, purpose=STORED[0], barred=barred, degraded=degraded)
        if found is not None:
            return found
        # Longer than the list, or much of it is sold out: the ladder below it takes a millisecond.
        exclude = tuple(ready.engine.model.items.ids[item] for item in barred)
        question = asked._replace(placement=Placement.HOME).question(user_id, exclude=exclude)
        try:
            slate = await self._thread.slate(ready, question, Known(erased=True, candidates=Candidates.empty()))
        except BusyError:
            raise overloaded() from None
        self._metrics.degraded.labels(degraded).inc()
        named = dataclasses.replace(slate, placement=asked.placement)
        body = self._renderer.slate(named, ready, reasons=asked.reasons, degraded=degraded)
        return Reply(body, slate.source.label, degraded)

    async def _instead(self, ready: Ready, question: Question, known: Known) -> Reply:
        """Answer a question there is no time for with what is popular, unless its filters must be kept.

        Where that would break a promise, the shelf is empty.

        Raises
        ------
        Problem
            503, if they must.
        """
        if known.fresh.has_complaint and question.placement in WITHHELD:
            return await self._nothing(ready, question, withheld=OPEN_COMPLAINT)
        if question.placement in PURE:
            return await self._nothing(ready, question)
        if question.is_filtered:
            raise overloaded()
        barred = barred_of(ready, (*question.viewed, *question.exclude))
        barred |= ready.engine.twins.with_twins(indices(ready.engine.model, question.cart))
        barred |= known.fresh.barred(ready.engine.model, now=self._clock.now(ready.engine.model.as_of))
        asked = Asked(question.placement, Purpose.ALL, question.limit, question.reasons)
        return await self.popular(ready, asked, question.user_id, degraded=BUSY, barred=barred)

    async def _nothing(self, ready: Ready, question: Question, *, withheld: str | None = None) -> Reply:
        """Answer with an empty shelf whom nothing else must be shown, while there is no time for more."""
        nothing_asked, waits = dataclasses.replace(question, placement=Placement.EMAIL), FreshEvents(has_complaint=True)
        slate = await self._thread.slate(ready, nothing_asked, Known(fresh=waits))
        self._metrics.degraded.labels(BUSY).inc()
        empty = dataclasses.replace(slate, placement=question.placement)
        body = self._renderer.slate(empty, ready, reasons=False, degraded=BUSY, withheld=withheld)
        return Reply(body, slate.source.label, BUSY)
