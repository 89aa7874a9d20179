"""What a place in a mail offers at the moment it is opened.

A token leads to a send, a recipient and a slot; the slot's item is what is offered, as long as it can be bought. If it
has gone out of stock since, the customer's next best picks that the mail does not hold take the places of what is sold
out, in their order, so that two sold-out places of a mail do not lead to the same item. Where there is none, the item
that was sent stays.
"""

from __future__ import annotations

import enum
import functools
import logging
import sqlite3
from dataclasses import dataclass

import anyio.to_thread
import numpy as np
import orjson

from recommender.engine import Engine
from recommender.errors import RecommenderError
from recommender.slate import Placement
from serving.campaigns.landing import Landing
from serving.campaigns.links import mail_secret
from serving.campaigns.robots import Pace
from serving.campaigns.sends import Send, Sends
from serving.campaigns.snapshot import Sent
from serving.campaigns.tokens import Place, Seal
from serving.live_catalogue import LiveItem
from serving.problems import Problem
from serving.questions import Question
from serving.settings import AppSettings
from serving.state import State

_DAY = np.timedelta64(86_400, "s")

_log = logging.getLogger(__name__)


class Outcome(enum.StrEnum):
    """What became of a place that was opened."""

    OFFERED = "offered"
    """The item that was sent."""
    SWAPPED = "swapped"
    """Another, because that one is out of stock."""
    EXPIRED = "expired"
    """The send was too long ago."""
    ERASED = "erased"
    """The recipient asked to be forgotten."""
    UNKNOWN = "unknown"
    """A forged or mutilated token, or one of a send, a recipient or a slot that is not there."""
    NO_MODEL = "no_model"
    """Nothing is served yet."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What a place offers now."""

    send: Send
    sent: Sent
    slot: int
    """From 0."""
    live: LiveItem
    outcome: Outcome


class Opening:
    """Opens places of mail."""

    def __init__(self, settings: AppSettings) -> None:
        self.landing = Landing(settings.campaign, has_demo_shop=settings.serving.demo_shop != "off")
        self.pace = Pace()
        self._settings = settings
        self._sends = Sends.of(settings.data_dir)
        self._known: dict[bytes, Send] = {}

    async def open(self, token: str, state: State) -> Offered | Outcome:
        """Return what a token's place offers, or why it offers nothing."""
        place = self._seal.read(token)
        if place is None:
            return Outcome.UNKNOWN
        engine = state.holder.engine
        if engine is None:
            return Outcome.NO_MODEL
        found = await anyio.to_thread.run_sync(self._find, place)
        if found is None:
            return Outcome.UNKNOWN
        send, sent, sent_at = found
        if state.clock.now(engine.model.as_of) - sent_at > self._settings.campaign.link_days * _DAY:
            return Outcome.EXPIRED
        if sent.user_id in state.erasures:
            return Outcome.ERASED
        return await self._offered(send, sent, place.slot, state, engine)

    @functools.cached_property
    def _seal(self) -> Seal:
        return Seal(mail_secret(self._settings.data_dir))

    def _find(self, place: Place) -> tuple[Send, Sent, np.datetime64] | None:
        """Look a place up on disk. Runs in a thread, and only for tokens that were signed here."""
        send = self._known.get(place.key) or self._sends.by_key(place.key)
        if send is None:
            return None
        try:
            with send.snapshot() as snapshot:
                sent, sent_at = snapshot.recipient(place.number), snapshot.sent_at
        except (RecommenderError, sqlite3.Error, OSError) as error:
            self._known.pop(place.key, None)
            _log.warning("a link of %s/%s cannot be looked up: %s", send.campaign, send.send_id, error)
            return None
        self._known[place.key] = send
        if sent is None or place.slot >= len(sent.picks):
            return None
        return send, sent, np.datetime64(sent_at.rstrip("Z"), "s")

    async def _offered(self, send: Send, sent: Sent, slot: int, state: State, engine: Engine) -> Offered:
        sold_out = [item_id for item_id in sent.items if not _can_be_bought(item_id, state, engine)]
        chosen, outcome = sent.items[slot], Outcome.OFFERED
        if chosen in sold_out:
            others = await _next_best(sent, state, most=len(sold_out))
            at = sold_out.index(chosen)
            if at < len(others):
                chosen, outcome = others[at], Outcome.SWAPPED
        return Offered(send, sent, slot, state.catalogue.item(chosen, engine.model), outcome)


def _can_be_bought(item_id: str, state: State, engine: Engine) -> bool:
    """Say whether an item is in stock; one that neither the model nor an update knows has left the catalogue."""
    known = state.catalogue.knows(item_id, engine.model)
    return known and state.catalogue.item(item_id, engine.model).in_stock


async def _next_best(sent: Sent, state: State, *, most: int) -> list[str]:
    """Return what the shop would put into a mail to this customer now, beside what theirs holds."""
    question = Question(placement=Placement.EMAIL, user_id=sent.user_id, limit=most, exclude=sent.items, reasons=False)
    try:
        ask = state.service.reply if sent.is_personal else state.service.impersonal
        reply = await ask(question)
    except Problem:  # too much to do: the item that was sent is still an answer
        return []
    return [item["item_id"] for item in orjson.loads(reply.body)["items"]]
