"""What still counts of a user who gets no personal picks: they are shown a guest's shelf, less what they refuse.

Their past and what they do now shape nothing; a "not for me", a cart, a purchase and an open complaint still count. So
a control group and the others are treated alike in all but the picks.
"""

from __future__ import annotations

import dataclasses

from recommender.errors import StoreUnavailable
from serving.engine_thread import Known
from serving.events.fresh import decode
from serving.knowing import STORE_UNAVAILABLE
from serving.metrics import Metrics
from serving.shelves.ready import Ready
from serving.stores import SlateStore


async def wishes(store: SlateStore, user_id: str, ready: Ready, metrics: Metrics) -> Known:
    """Return what a user does not want to see, and nothing else of them."""
    try:
        record = await store.read_user(user_id, version=None)
    except StoreUnavailable:
        metrics.store_errors.labels("read_user").inc()
        return Known(erased=True, degraded_reason=STORE_UNAVAILABLE)
    if record.erased:
        return Known(erased=True)
    fresh = decode(record.fresh, ready.engine, user_id)
    return Known(erased=True, fresh=dataclasses.replace(fresh, positive=()))
