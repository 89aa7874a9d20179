"""`PUT /v1/items`: prices, stock and descriptions, effective at once."""

from __future__ import annotations

from fastapi import APIRouter

from serving.item_schemas import ItemsRequest, ItemsResult
from serving.problems import documented
from serving.state import StateDep

router = APIRouter(prefix="/v1", tags=["items"])


@router.put("/items", summary="Update items", responses=documented(408, 413, 422, 503))
async def put_items(body: ItemsRequest, state: StateDep) -> ItemsResult:
    """Change up to 1000 items; what an entry leaves out stays as it is.

    The next slate of this process obeys, those of other processes within a second.
    """
    model = state.service.engine.model
    patches: dict[str, dict[str, object]] = {}
    for item in body.items:
        patches[item.item_id] = patches.get(item.item_id, {}) | item.patch()
    unknown = [item_id for item_id in patches if item_id not in model.items]
    shared = await state.catalogue.put(patches)
    state.metrics.item_updates.inc(len(patches))
    return ItemsResult(updated=len(patches), unknown=unknown, shared=shared)
