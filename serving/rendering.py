"""A slate as JSON: the one shape of every answer (its documentation is `serving.schemas.SlateBody`)."""

from __future__ import annotations

from typing import Any

import orjson

from recommender.model import Model
from recommender.slate import Reason, SlateItem
from serving.live_catalogue import LiveCatalogue
from serving.service import Answer


class Renderer:
    """Writes answers, with each item as it is now."""

    def __init__(self, catalogue: LiveCatalogue, *, currency: str) -> None:
        self._catalogue = catalogue
        self._currency = currency

    def slate(self, answer: Answer, *, reasons: bool) -> bytes:
        """Return the body of an answer."""
        slate, model = answer.slate, answer.engine.model
        body: dict[str, Any] = {
            "slate_id": slate.slate_id,
            "user_id": slate.user_id,
            "placement": slate.placement.value,
            "source": slate.source.label,
            "degraded": answer.degraded_reason is not None,
        }
        if answer.degraded_reason is not None:
            body["degraded_reason"] = answer.degraded_reason
        body |= {
            "model_version": slate.model_version,
            "created_at": slate.created_at,
            "items": [self._item(item, model, reasons=reasons) for item in slate.items],
        }
        return orjson.dumps(body, option=orjson.OPT_UTC_Z)

    def _item(self, placed: SlateItem, model: Model, *, reasons: bool) -> dict[str, Any]:
        live = self._catalogue.item(placed.item_id, model)
        item = live.item
        return {
            "item_id": placed.item_id,
            "rank": placed.rank,
            "score": round(float(placed.score), 6),
            "source": placed.source.label,
            "reason": self._reason(placed.reason, model) if reasons else None,
            "title": item.title,
            "category": item.category,
            "department": item.department,
            "brand": item.brand,
            "price": item.price,
            "currency": self._currency,
            "url": item.url,
            "image_url": live.picture,
            "in_stock": live.in_stock,
        }

    def _reason(self, reason: Reason, model: Model) -> dict[str, Any]:
        title = None if reason.item_id is None else self._catalogue.item(reason.item_id, model).item.title
        return {
            "code": reason.code.label,
            "item_id": reason.item_id,
            "item_title": title,
            "due_on": reason.due_on,
        }
