"""The engine at work beside the event loop: one slate at a time, and a short queue.

To compute a slate takes milliseconds, in which a loop would answer dozens of page views. So it is done in a thread;
and because a queue only makes everybody late, who finds it full is told so at once.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import anyio
import anyio.to_thread
import numpy as np

from recommender.candidates import Candidates
from recommender.engine import Engine
from recommender.events import Event
from recommender.histories import FreshEvent
from recommender.ladder import UNASKED
from recommender.model import Model
from recommender.request import SlateRequest
from recommender.slate import Placement, Slate
from serving import spans
from serving.clock import Clock
from serving.events.fresh import FreshEvents
from serving.live_catalogue import LiveCatalogue
from serving.metrics import Metrics
from serving.questions import IMPERSONAL, PREPARED, Question
from serving.random_ids import RandomIds
from serving.shelves.cutter import NOTHING
from serving.shelves.ready import Ready

ENGINE_THREADS = 1
"""Slates computed at a time: a process has one core's work to do, and threads that wait for each other's turn with the
interpreter more than double its cost. More cores are used by more workers."""

MAX_WAITING = 6
"""Slates that may wait for the engine: with a few milliseconds each, the last of them is still in time."""

T = TypeVar("T")


MANY = 50
"""Excluded items beyond which candidates at hand may be used up: what lies below them is the whole catalogue."""

MAX_WAITING_LISTS = 60
"""Lists for everybody that may wait: each takes a tenth of the time of a slate, and is computed once."""


class BusyError(Exception):
    """Too many wait already."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a user besides the model."""

    erased: bool = False
    """Whether nothing of their past counts, be it that they were erased or that they want no personal picks."""
    opted_out: bool = False
    """Whether they switched personal picks off, which the answer says."""
    fresh: FreshEvents = field(default_factory=FreshEvents)
    candidates: Candidates | None = None
    degraded_reason: str | None = None


class EngineThread:
    """Puts questions in the engine's words, and asks it."""

    def __init__(self, catalogue: LiveCatalogue, clock: Clock, slate_id: RandomIds, metrics: Metrics) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._slate_id = slate_id
        self._threads = anyio.CapacityLimiter(ENGINE_THREADS)
        self._metrics = metrics
        metrics.watch(metrics.engine_waiting, lambda: self._threads.statistics().tasks_waiting)

    async def slate(self, ready: Ready, question: Question, known: Known) -> Slate:
        """Return the engine's answer; with candidates at hand no thread is needed, rules over them take microseconds.

        Raises
        ------
        BusyError
            If too many wait already.
        """
        engine = ready.engine
        ask = functools.partial(
            self._ask,
            engine,
            question,
            known,
            now=self._clock.now(engine.model.as_of),
            slate_id=self._slate_id().decode(),
            created_at=self._clock.moment(engine.model.as_of),
        )
        is_empty = known.fresh.has_complaint and question.placement in UNASKED
        # Other placements, such as what to buy again, rank anew whatever candidates there are.
        is_at_hand = known.candidates is not None and question.placement in PREPARED
        is_small = len(question.exclude) <= MANY and not question.is_filtered
        if is_empty or (is_at_hand and is_small):
            return ask()
        return await self._run("slate", ask, most=MAX_WAITING)

    async def offer(self, ready: Ready, placement: Placement, item: int | None) -> bytes:
        """Return what a placement offers to everybody beside an item.

        Raises
        ------
        BusyError
            If too many wait already.
        """
        return await self._run("list", functools.partial(ready.prepare, placement, item), most=MAX_WAITING_LISTS)

    async def _run(self, what: str, compute: Callable[[], T], *, most: int) -> T:
        """Compute in the thread, unless `most` wait, and note how long it waited and took."""
        if self._threads.statistics().tasks_waiting >= most:
            raise BusyError
        asked = time.perf_counter()

        def timed() -> T:
            started = time.perf_counter()
            self._metrics.engine_wait.observe(started - asked)
            try:
                with spans.span(f"compute {what}"):
                    return compute()
            finally:
                self._metrics.engine_seconds.labels(what).observe(time.perf_counter() - started)

        return await anyio.to_thread.run_sync(timed, limiter=self._threads)

    def _ask(
        self,
        engine: Engine,
        question: Question,
        known: Known,
        *,
        now: np.datetime64,
        slate_id: str,
        created_at: datetime,
    ) -> Slate:
        """Put the question in the engine's words. Runs in a worker thread unless candidates are at hand."""
        model = engine.model
        session = _session_events(question, model, now=now)
        history = engine.history(question.user_id) if question.user_id is not None and not known.erased else None
        if events := [*known.fresh.positive, *session]:
            history = engine.with_events(history, events)
        request = SlateRequest(
            placement=question.placement,
            limit=question.limit,
            user_id=question.user_id,
            history=history,
            candidates=known.candidates,
            context=indices(model, question.viewed),
            cart=indices(model, question.cart),
            exclude=frozenset(indices(model, question.exclude)) | known.fresh.unwanted | known.fresh.like_cart,
            promotions=not known.fresh.has_complaint,
            categories=question.categories,
            price_min=question.price_min,
            price_max=question.price_max,
            new_only=question.new_only,
            include_out_of_stock=question.include_out_of_stock,
            resting=known.fresh.resting(model, now=now),
            shelf=self._catalogue.shelf(model),
        )
        return engine.recommend(request, now=now, slate_id=slate_id, created_at=created_at)


def _session_events(question: Question, model: Model, *, now: np.datetime64) -> list[FreshEvent]:
    """What a visitor looked at and put into the cart says something about them, before it is reported as events."""
    if question.placement in IMPERSONAL:
        return []
    viewed = [FreshEvent(index, Event.CLICK, 1.0, now) for index in indices(model, question.viewed)]
    return viewed + [FreshEvent(index, Event.ADD_TO_CART, 1.0, now) for index in indices(model, question.cart)]


def indices(model: Model, item_ids: Iterable[str]) -> tuple[int, ...]:
    """Return the indices of the items the model knows, each once, in their order."""
    return tuple(dict.fromkeys(model.items.known(item_ids).tolist()))


def barred_of(ready: Ready, exclude: Sequence[str]) -> AbstractSet[int]:
    """Return the indices of the items the caller does not want."""
    return frozenset(indices(ready.engine.model, exclude)) if exclude else NOTHING
