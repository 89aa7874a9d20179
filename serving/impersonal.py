"""What still counts of a user who gets no personal picks: they are shown a guest's shelf, less what they refuse.

Their past and what they do now shape nothing; a "not for me", a cart, a purchase and an open complaint still count. So
a control group and the others are treated alike in all but the picks, and so is who switched personal picks off.
"""

from __future__ import annotations

from recommender.errors import StoreUnavailable
from serving.engine_thread import Known
from serving.knowing import STORE_UNAVAILABLE, Knowing, wished
from serving.metrics import Metrics
from serving.shelves.ready import Ready
from serving.stores import SlateStore, UserRecord


async def wishes(store: SlateStore, user_id: str, ready: Ready, knowing: Knowing, metrics: Metrics) -> Known:
    """Return what a user does not want to see, and nothing else of them."""
    try:
        record = await store.read_user(user_id, version=None)
    except StoreUnavailable:
        metrics.store_errors.labels("read_user").inc()
        return away(opted_out=knowing.opted_out(user_id, UserRecord()))
    return wished(record, user_id, ready, opted_out=knowing.opted_out(user_id, record))


def away(*, opted_out: bool) -> Known:
    """Return what is known of a user while the store does not answer."""
    return Known(erased=True, opted_out=opted_out, degraded_reason=STORE_UNAVAILABLE)
