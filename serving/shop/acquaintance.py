"""Whether the shelves have anything to go by for who is signed in, so that the shop's words agree with them."""

from __future__ import annotations

from recommender.errors import StoreUnavailable
from serving.events.fresh import decode
from serving.shop.visit import Visit


async def is_known(visit: Visit) -> bool:
    """Say whether the model knows the customer, or something they did here since shapes their shelves."""
    user_id, engine, state = visit.user_id, visit.state.service.engine, visit.state
    if user_id is None or user_id in state.erasures:
        return False
    if user_id in engine.model.users:
        return True
    try:
        record = await state.stores.slates.read_user(user_id, version=None)
    except StoreUnavailable:
        return False
    if record.erased:
        return False
    return engine.with_events(None, decode(record.fresh, engine, user_id).positive) is not None
