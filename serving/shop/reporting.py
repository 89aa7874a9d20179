"""What the shop tells the engine: events, straight into the log, as a shop's server would send them.

Accepted means kept, and the visitor's next slate reflects it; so a page that is shown after `report` is true.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from recommender.events import Event
from serving.event_schemas import MergeRequest
from serving.shop.goods import Goods
from serving.shop.session import Session
from serving.state import State

_log = logging.getLogger(__name__)

ORIGIN: Mapping[str, Any] = {"source": "shop"}
"""What every event of this shop says of itself, beside who and what."""


def visitor(session: Session) -> dict[str, Any]:
    """Return who does something, in the fields of an event; a guest is known by the visit."""
    who = {"session_id": session.visit_id, "anonymous_id": session.visit_id}
    return who if session.user_id is None else who | {"user_id": session.user_id}


def event(session: Session, kind: Event, goods: Goods | None = None, **more: Any) -> dict[str, Any]:
    """Return an event of this visitor, about an item if one is given; `more` are further fields."""
    about: dict[str, Any] = {} if goods is None else {"item_id": goods.item_id, "price": goods.price}
    return {"event": kind.label, "event_id": secrets.token_hex(16), **visitor(session), **ORIGIN, **about, **more}


def look(session: Session, goods: Goods, *, via: str, hour: int) -> dict[str, Any]:
    """Return the click that led to a product page; one per item, way and hour, however often it is loaded."""
    what = f"{session.visit_id}\0{session.user_id}\0{goods.item_id}\0{via}\0{hour}"
    event_id = hashlib.sha256(what.encode()).hexdigest()[:32]
    return event(session, Event.CLICK, goods, event_id=event_id, placement=via)


async def report(state: State, events: Sequence[dict[str, Any]]) -> bool:
    """Take events in; say whether every one of them is kept."""
    if not events:
        return True
    try:
        result = await state.ingest.take(events, as_of=state.service.engine.model.as_of)
    except OSError as error:
        _log.error("events of the demo shop could not be written down: %s", error)
        return False
    for rejected in result.rejected:
        _log.error("an event of the demo shop was rejected: %s", rejected.reason)
    return not result.rejected


async def join(state: State, session: Session, user_id: str) -> bool:
    """Let what a guest did in this visit be a user's; say whether that is kept."""
    merge = MergeRequest(anonymous_id=session.visit_id, user_id=user_id)
    try:
        await state.ingest.merge(merge, as_of=state.service.engine.model.as_of)
    except OSError as error:
        _log.error("a guest of the demo shop could not be joined to a user: %s", error)
        return False
    return True
