"""What a user is shown who gets no personal picks: a guest's shelf, less what they put into the cart or refused.

Their past and what they do now shape nothing; a "not for me" still counts. So a control group and the others are
treated alike in all but the picks.
"""

from __future__ import annotations

from recommender.errors import StoreUnavailable
from recommender.purpose import STORED
from serving.engine_thread import Known, indices
from serving.events.fresh import FreshEvents, decode
from serving.metrics import Metrics
from serving.questions import Question
from serving.shelves.counter import Counter, Reply
from serving.shelves.ready import Ready
from serving.stores import SlateStore

STORE_UNAVAILABLE = "store_unavailable"


async def wishes(store: SlateStore, user_id: str, ready: Ready, metrics: Metrics) -> Known:
    """Return what a user does not want to see, and nothing else of them."""
    try:
        record = await store.read_user(user_id, version=None)
    except StoreUnavailable:
        metrics.store_errors.labels("read_user").inc()
        return Known(erased=True, degraded_reason=STORE_UNAVAILABLE)
    if record.erased:
        return Known(erased=True)
    fresh = decode(record.fresh, ready.engine.model)
    return Known(erased=True, fresh=FreshEvents(unwanted=fresh.unwanted, in_cart=fresh.in_cart))


def everybodys(counter: Counter, ready: Ready, question: Question, known: Known, record: bytes) -> Reply | None:
    """Cut the shelf from a list that is the same for everybody; None if it is too short for that."""
    asked = question.asked
    assert asked is not None, "only what prepared lists may answer is cut from one"
    return counter.cut(
        ready,
        asked,
        question.user_id,
        record,
        purpose=STORED[0],
        barred={*indices(ready.engine.model, question.exclude), *known.fresh.unwanted, *known.fresh.in_cart},
        degraded=known.degraded_reason,
    )
