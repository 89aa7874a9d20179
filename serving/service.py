"""From a question in ids to a slate: what the store knows of the user, then the engine.

One round trip tells whether the user asked to be forgotten, what they did since training, and their stored
candidates. Fresh events make the stored candidates out of date, so the engine computes anew; so it does where they
are missing. Without a store the engine computes everything. There is no path without an answer.
"""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import anyio
import anyio.to_thread
import numpy as np

from recommender.candidates import NO_ANCHOR, Candidates
from recommender.engine import Engine
from recommender.errors import InvalidInput, StoreUnavailable
from recommender.events import Event
from recommender.histories import FreshEvent
from recommender.loyalty.due import resting_items
from recommender.model import Model
from recommender.purpose import Purpose
from recommender.request import SlateRequest
from recommender.slate import Placement, Slate
from serving.clock import Clock
from serving.erasures import Erasures
from serving.events.fresh import FreshEvents, decode
from serving.live_catalogue import LiveCatalogue
from serving.metrics import Metrics
from serving.model_holder import ModelHolder
from serving.problems import Code, Problem
from serving.stores import SlateStore, UserRecord
from serving.stores.packed import unpack

STORE_UNAVAILABLE = "store_unavailable"
CANDIDATES_MISSING = "candidates_missing"

ENGINE_THREADS = 1
"""Slates computed at a time: a process has one core's work to do, and threads that wait for each other's turn with the
interpreter more than double its cost. More cores are used by more workers."""

IMPERSONAL = frozenset({Placement.PRODUCT, Placement.TRENDING, Placement.BESTSELLERS})
"""Placements whose ladder has no personal rung: what the user owns counts, their candidates do not."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, in the shop's ids."""

    placement: Placement = Placement.HOME
    user_id: str | None = None
    limit: int = 10
    viewed: tuple[str, ...] = ()
    """Items on the page or looked at in this session, latest first."""
    cart: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    new_only: bool = False
    include_out_of_stock: bool = False
    reasons: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A slate, the engine that made it, and what is wrong with it."""

    slate: Slate
    engine: Engine
    degraded_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a user besides the model."""

    erased: bool = False
    fresh: FreshEvents = field(default_factory=FreshEvents)
    candidates: Candidates | None = None
    degraded_reason: str | None = None


class Service:
    """Answers questions."""

    def __init__(
        self,
        holder: ModelHolder,
        store: SlateStore,
        *,
        catalogue: LiveCatalogue,
        erasures: Erasures,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._holder = holder
        self._store = store
        self._catalogue = catalogue
        self._erasures = erasures
        self._clock = clock
        self._metrics = metrics
        self._threads = anyio.CapacityLimiter(ENGINE_THREADS)

    @property
    def engine(self) -> Engine:
        """The engine that answers.

        Raises
        ------
        Problem
            503, if there is no model yet.
        """
        if self._holder.engine is None:
            raise Problem(
                503,
                Code.NO_MODEL,
                "No model can be served yet: train one and publish it (make train, make publish).",
                headers={"Retry-After": "5"},
            )
        return self._holder.engine

    async def answer(self, question: Question) -> Answer:
        """Answer a question.

        Raises
        ------
        Problem
            503, if there is no model yet.
        """
        engine = self.engine
        known = await self._known(question, engine)
        now = self._clock.now(engine.model.as_of)
        ask = functools.partial(
            self._ask, engine, question, known, now=now, slate_id=uuid.uuid4().hex, created_at=self._clock.wall()
        )
        # Rules over stored candidates take microseconds; everything else would keep other requests waiting.
        if known.candidates is not None:
            slate = ask()
        else:
            slate = await anyio.to_thread.run_sync(ask, limiter=self._threads)
        if known.degraded_reason is not None:
            self._metrics.degraded.labels(known.degraded_reason).inc()
        return Answer(slate, engine, known.degraded_reason)

    async def _known(self, question: Question, engine: Engine) -> Known:
        user_id = question.user_id
        if user_id is None:
            return Known()
        if user_id in self._erasures:
            return Known(erased=True)
        version = None if question.placement in IMPERSONAL else engine.version
        try:
            record = await self._store.read_user(user_id, version=version)
        except StoreUnavailable:
            self._metrics.store_errors.labels("read_user").inc()
            self._metrics.candidates.labels("no_store").inc()
            return Known(degraded_reason=STORE_UNAVAILABLE)
        if record.erased:
            return Known(erased=True)
        return self._judged(record, question, engine)

    def _judged(self, record: UserRecord, question: Question, engine: Engine) -> Known:
        """Decide whether stored candidates still hold."""
        fresh = decode(record.fresh, engine.model)
        if question.placement in IMPERSONAL:
            return Known(fresh=fresh)
        if fresh.positive or question.viewed or question.cart:
            self._metrics.candidates.labels("computed").inc()
            return Known(fresh=fresh)
        candidates = None if record.candidates is None else self._unpacked(record.candidates, question, engine)
        if candidates is not None:
            self._metrics.candidates.labels("stored").inc()
            return Known(fresh=fresh, candidates=candidates)
        self._metrics.candidates.labels("missing").inc()
        missed = question.user_id in engine.model.users and self._holder.is_published(engine.version)
        return Known(fresh=fresh, degraded_reason=CANDIDATES_MISSING if missed else None)

    def _unpacked(self, record: bytes, question: Question, engine: Engine) -> Candidates | None:
        purpose = Purpose.NEW if question.new_only else Purpose.ALL
        try:
            candidates = unpack(record).get(purpose)
            if candidates is None:
                raise InvalidInput(f"a record has no list of purpose {purpose.value!r}")
            n_items = len(engine.model.items)
            if len(candidates) and not 0 <= candidates.item.min() <= candidates.item.max() < n_items:
                raise InvalidInput("a record names items the model does not have")
            if len(candidates) and not NO_ANCHOR <= candidates.anchor.min() <= candidates.anchor.max() < n_items:
                raise InvalidInput("a record names anchors the model does not have")
        except (InvalidInput, ValueError) as error:
            self._metrics.candidates.labels("unreadable").inc()
            _log.warning("stored candidates of version %s are left aside: %s", engine.version, error)
            return None
        return candidates

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
            context=_indices(model, question.viewed),
            cart=_indices(model, question.cart),
            exclude=frozenset(_indices(model, question.exclude)) | known.fresh.unwanted | known.fresh.in_cart,
            categories=question.categories,
            price_min=question.price_min,
            price_max=question.price_max,
            new_only=question.new_only,
            include_out_of_stock=question.include_out_of_stock,
            resting=resting_items(known.fresh.positive, model.repeat, now=now),
            shelf=self._catalogue.shelf(model),
        )
        return engine.recommend(request, now=now, slate_id=slate_id, created_at=created_at)


def _session_events(question: Question, model: Model, *, now: np.datetime64) -> list[FreshEvent]:
    """What a visitor looked at and put into the cart says something about them, before it is reported as events."""
    if question.placement in IMPERSONAL:
        return []
    viewed = [FreshEvent(index, Event.CLICK, 1.0, now) for index in _indices(model, question.viewed)]
    return viewed + [FreshEvent(index, Event.ADD_TO_CART, 1.0, now) for index in _indices(model, question.cart)]


def _indices(model: Model, item_ids: Iterable[str]) -> tuple[int, ...]:
    """Return the indices of the items the model knows, each once, in their order."""
    return tuple(dict.fromkeys(model.items.known(item_ids).tolist()))
