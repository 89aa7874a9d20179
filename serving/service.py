"""From a question in ids to an answer in bytes: what the store knows of the user, prepared lists, then the engine.

Most questions are answered by cutting a prepared list: a user's stored candidates, or what everybody is offered
beside an item. Fresh events make stored candidates out of date, filters may leave too little of them: then the engine
computes anew, in a thread. There is no path without an answer, and a poorer answer says so:

========================= =============================================================================
`degraded_reason`          what is shown
========================= =============================================================================
``store_unavailable``      the user's candidates as they were last read here, computed ones, or popular ones
``candidates_missing``     computed candidates: those of a published version should be stored
``busy``                   popular items: too many others wait for the engine
========================= =============================================================================
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from recommender.engine import Engine
from recommender.errors import StoreUnavailable
from recommender.purpose import STORED
from serving.clock import Clock, Moments
from serving.computing import BUSY, Computing
from serving.engine_thread import BusyError, EngineThread, Known, barred_of
from serving.erasures import Erasures
from serving.events.fresh import FreshEvents, decode
from serving.experiments import Experiments
from serving.impersonal import away, wishes
from serving.knowing import STORE_UNAVAILABLE, Knowing, wished
from serving.live_catalogue import LiveCatalogue
from serving.metrics import Metrics
from serving.model_holder import ModelHolder
from serving.opt_outs import OptOuts, labelled
from serving.problems import no_model
from serving.questions import PREPARED, Asked, Question
from serving.random_ids import RandomIds
from serving.rendering import Renderer
from serving.shelves.counter import Counter, Reply
from serving.shelves.cutter import NOTHING
from serving.shelves.pauses import Pauses
from serving.shelves.ready import Ready
from serving.shelves.stale import StaleRecords
from serving.stores import SlateStore, UserRecord
from serving.stores.choices import OPTED_OUT
from serving.stores.read_already import ReadAlready
from serving.stores.signed_in import SignedIn
from serving.tally import Tally


class Service:
    """Answers questions."""

    def __init__(
        self,
        holder: ModelHolder,
        store: SlateStore,
        *,
        catalogue: LiveCatalogue,
        erasures: Erasures,
        opt_outs: OptOuts,
        clock: Clock,
        metrics: Metrics,
        renderer: Renderer,
        stale_users: int,
        experiments: Experiments | None = None,
    ) -> None:
        self._holder = holder
        self._store = store
        self._erasures = erasures
        self._opted_out = opt_outs.users
        self._clock = clock
        self._metrics = metrics
        self.experiments = experiments
        """None without any, so that page views need not ask."""
        self._stale = StaleRecords(stale_users, metrics)
        slate_id = RandomIds()
        self._counter = Counter(metrics, Moments(clock), slate_id)
        self._knowing = Knowing(holder, erasures, opt_outs, metrics, self._counter)
        self._pauses = Pauses()
        self._pinned: Ready | None = None
        """What answers whatever is published meanwhile."""
        self._pinned_versions: Mapping[str, Ready | None] = {}
        """The same of versions that experiments name; None for one that was not there."""
        self._thread = EngineThread(catalogue, clock, slate_id, metrics)
        self._computing = Computing(self._thread, self._counter, clock=clock, renderer=renderer, metrics=metrics)
        self.tally = Tally(metrics)
        """Page views that the metrics do not know of yet."""

    @property
    def engine(self) -> Engine:
        """The engine that answers; a `Problem` (503) if there is none yet."""
        return self._ready.engine

    async def reply(self, question: Question) -> Reply:
        """Answer a question.

        Raises
        ------
        Problem
            503, if there is no model yet, or there is no time for its filters.
        """
        user_id, guest = question.user_id, question.guest
        here = self if user_id is None or guest is None else self._reading(SignedIn(self._store, user_id, guest))
        if self.experiments is not None and user_id is not None:
            return await self.experiments.reply(here, user_id, question)
        return await here.untreated(question)

    async def untreated(self, question: Question) -> Reply:
        """Answer a question whatever experiments there are."""
        ready, asked = self._ready, question.asked
        user_id = question.user_id
        if asked is not None and user_id is not None and question.placement in PREPARED and not question.viewed:
            return await self.personal(user_id, asked, exclude=question.exclude)
        known = await self._knowing.of(question, ready, self._store)
        if known.opted_out:
            return await self.impersonal(question, known)
        is_plain = user_id is None and not (known.fresh.positive or known.fresh.has_complaint)
        if asked is not None and is_plain and question.is_for_everybody:
            viewed = question.viewed[0] if question.viewed else None
            barred = known.fresh.barred(ready.engine.model, now=self._now(ready))
            return await self.offered(
                asked, viewed, exclude=question.exclude, barred=barred, degraded=known.degraded_reason
            )
        return await self._computing.reply(ready, question, known)

    async def having_read(self, users: Iterable[str | None]) -> Service:
        """Return a service of the present models that has read some users at once, and asks for no others."""
        here = self._reading(self._store, pinned=self._ready)
        if self.experiments is not None:
            here._pinned_versions = {name: self._holder.of_version(name) for name in self.experiments.versions}
        versions = {user: here._version_for(user) for user in users if user is not None}
        here._store = await ReadAlready.of(self._store, versions)
        return here

    def of_version(self, version: str) -> Service | None:
        """Return a service of a version that experiments name; None while that is not there."""
        pinned = self._pinned_versions
        ready = pinned[version] if version in pinned else self._holder.of_version(version)
        return None if ready is None else self._reading(self._store, pinned=ready)

    def _version_for(self, user_id: str) -> str:
        named = None if self.experiments is None else self.experiments.version_for(user_id)
        ready = None if named is None else self._pinned_versions[named]
        return (ready or self._ready).engine.version

    def _reading(self, store: SlateStore, *, pinned: Ready | None = None) -> Service:
        other = copy.copy(self)
        other._store = store
        other._pinned = pinned or self._pinned
        return other

    async def personal(self, user_id: str, asked: Asked, *, exclude: Sequence[str] = ()) -> Reply:
        """Answer with a user's shelf.

        Raises
        ------
        Problem
            As `reply`.
        """
        ready = self._ready
        try:
            record = await self.known(user_id, ready)
        except StoreUnavailable:
            return await self.without_store(ready, asked, user_id, exclude=exclude)
        reply = self.cut(ready, asked, user_id, record, exclude=exclude)
        return reply or await self.beyond(ready, asked, user_id, record, exclude=exclude)

    @property
    def ready(self) -> Ready | None:
        """What answers; None while nothing does."""
        return self._holder.ready

    def known(self, user_id: str, ready: Ready) -> Awaitable[UserRecord]:
        """Ask the store what it knows of a user.

        The first of three steps of `personal`, apart because a page view takes them without a coroutine around them.
        """
        return self._store.read_user(user_id, version=ready.engine.version)

    def cut(
        self, ready: Ready, asked: Asked, user_id: str, record: UserRecord, *, exclude: Sequence[str] = ()
    ) -> Reply | None:
        """Cut a user's shelf from what is stored, unless that cannot be done: the second step."""
        erased, candidates, fresh = record
        if candidates is None or erased or user_id in self._erasures:
            return None
        if user_id in self._opted_out or OPTED_OUT in fresh:
            return None
        self._stale.keep(user_id, candidates, version=ready.engine.version)
        barred = barred_of(ready, exclude)
        if fresh:
            events = decode(fresh, ready.engine, user_id)
            if events.positive or events.has_complaint:
                return None
            barred = barred | events.barred(ready.engine.model, now=self._now(ready))
        reply = self._counter.cut(ready, asked, user_id, candidates, purpose=asked.purpose, barred=barred)
        if reply is not None:
            self.tally.stored()
        return reply

    async def beyond(
        self, ready: Ready, asked: Asked, user_id: str, record: UserRecord, *, exclude: Sequence[str] = ()
    ) -> Reply:
        """Answer where stored candidates are missing, out of date or too few: the third step, hardly ever taken.

        Raises
        ------
        Problem
            503, if nothing can be computed in time.
        """
        if record.erased or user_id in self._erasures:
            return await self._everybodys(ready, asked, user_id, exclude=exclude)
        question = asked.question(user_id, exclude=exclude)
        if self._knowing.opted_out(user_id, record):
            return await self.impersonal(question, wished(record, user_id, ready, opted_out=True))
        known = self._knowing.judged(record, question, ready)
        is_known = known.candidates is not None or known.fresh.positive or user_id in ready.engine.model.users
        if is_known or known.fresh.has_complaint:
            return await self._computing.reply(ready, question, known)
        unwanted = known.fresh.barred(ready.engine.model, now=self._now(ready))
        return await self._everybodys(ready, asked, user_id, exclude=exclude, unwanted=unwanted)

    async def offered(
        self,
        asked: Asked,
        item_id: str | None = None,
        *,
        exclude: Sequence[str] = (),
        barred: AbstractSet[int] = NOTHING,
        degraded: str | None = None,
    ) -> Reply:
        """Answer with what is the same for everybody, beside an item if one is named.

        `barred` are the items that this visitor is not shown.

        Raises
        ------
        Problem
            As `reply`.
        """
        ready = self._ready
        item = None if item_id is None else ready.engine.model.items.get(item_id)
        record = ready.offer(asked.placement, item)
        if record is None:
            try:
                record = await self._thread.offer(ready, asked.placement, item)
            except BusyError:
                barred = barred | barred_of(ready, exclude) | (NOTHING if item is None else {item})
                return await self._computing.popular(ready, asked, None, degraded=BUSY, barred=barred)
        every = barred | barred_of(ready, exclude)
        reply = self._counter.cut(ready, asked, None, record, purpose=STORED[0], barred=every, degraded=degraded)
        if reply is not None:
            return reply
        question = asked.question(None, viewed=() if item_id is None else (item_id,), exclude=exclude)
        known = Known(fresh=FreshEvents(unwanted=frozenset(barred)), degraded_reason=degraded)
        return await self._computing.reply(ready, question, known)

    def _now(self, ready: Ready) -> np.datetime64:
        return self._clock.now(ready.engine.model.as_of)

    @property
    def _ready(self) -> Ready:
        ready = self._pinned or self._holder.ready
        if ready is None:
            raise no_model()
        return ready

    async def without_store(self, ready: Ready, asked: Asked, user_id: str, *, exclude: Sequence[str] = ()) -> Reply:
        """Answer with what was read last; else with what can be computed without keeping others waiting."""
        self._metrics.store_errors.labels("read_user").inc()
        if user_id in self._erasures:
            return await self._everybodys(ready, asked, user_id, exclude=exclude)
        barred, question = barred_of(ready, exclude), asked.question(user_id, exclude=exclude)
        if user_id in self._opted_out:
            return await self.impersonal(question, away(opted_out=True))
        record = self._stale.get(user_id, version=ready.engine.version)
        if record is not None:
            self._metrics.candidates.labels("stale").inc()
            purpose, reason = asked.purpose, STORE_UNAVAILABLE
            reply = self._counter.cut(ready, asked, user_id, record, purpose=purpose, barred=barred, degraded=reason)
            if reply is not None:
                return reply
            candidates = self._knowing.unpacked(record, question, ready)
            return await self._computing.reply(ready, question, Known(candidates=candidates, degraded_reason=reason))
        self._metrics.candidates.labels("no_store").inc()
        if user_id not in ready.engine.model.users or not self._pauses.may_compute():
            return await self._computing.popular(ready, asked, user_id, degraded=STORE_UNAVAILABLE, barred=barred)
        try:
            return await self._computing.reply(ready, question, Known(degraded_reason=STORE_UNAVAILABLE))
        finally:
            self._pauses.computed()

    async def _everybodys(
        self,
        ready: Ready,
        asked: Asked,
        user_id: str,
        *,
        exclude: Sequence[str],
        unwanted: AbstractSet[int] = NOTHING,
    ) -> Reply:
        """Answer somebody nothing is known of."""
        record = ready.offer(asked.placement, None)
        assert record is not None, "lists for everybody are prepared first"
        barred = barred_of(ready, exclude) | unwanted
        reply = self._counter.cut(ready, asked, user_id, record, purpose=STORED[0], barred=barred)
        if reply is not None:
            return reply
        known = Known(erased=True, fresh=FreshEvents(unwanted=frozenset(unwanted)))
        return await self._computing.reply(ready, asked.question(user_id, exclude=exclude), known)

    async def impersonal(self, question: Question, known: Known | None = None) -> Reply:
        """Answer a user who gets no personal picks: with a guest's shelf, less what they do not want.

        `known` is what was read of them already.
        """
        ready = self._ready
        if known is None:
            known = Known(erased=True)
            if question.user_id is not None and question.user_id not in self._erasures:
                known = await wishes(self._store, question.user_id, ready, self._knowing, self._metrics)
        reply = await self._guests(ready, question, known)
        return labelled(reply) if known.opted_out else reply

    async def _guests(self, ready: Ready, question: Question, known: Known) -> Reply:
        is_plain = not known.fresh.has_complaint
        if is_plain and (asked := question.asked) is not None and question.is_for_everybody:
            item = ready.engine.model.items.get(question.viewed[0]) if question.viewed else None
            barred = barred_of(ready, question.exclude) | known.fresh.barred(ready.engine.model, now=self._now(ready))
            with contextlib.suppress(BusyError):
                record = ready.offer(asked.placement, item) or await self._thread.offer(ready, asked.placement, item)
                user_id, why, purpose = question.user_id, known.degraded_reason, STORED[0]
                reply = self._counter.cut(ready, asked, user_id, record, purpose=purpose, barred=barred, degraded=why)
                if reply is not None:
                    return reply
        return await self._computing.reply(ready, question, known)
