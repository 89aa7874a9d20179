"""`GET /v1/items/{item_id}/similar` and `/bought-together`: shelves of a product page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from recommender.slate import Placement
from serving.routes.slates import RESPONSES, VisitorQuery, answered
from serving.security import checked_id

router = APIRouter(prefix="/v1/items", tags=["slates"])

ItemId = Annotated[str, Path(description="The shop's id of the item.", examples=["milk"])]


@router.get("/{item_id:path}/similar", summary="Items like this one", responses=RESPONSES)
async def get_similar(request: Request, item_id: ItemId, choices: VisitorQuery) -> Response:
    """Say what the buyers of this item buy besides. An item nobody knows gets what is popular."""
    page_item = checked_id(item_id, what="item_id")
    question = choices.question(Placement.PRODUCT, viewed=(page_item,))
    return await answered(request, question)


@router.get("/{item_id:path}/bought-together", summary="Items bought in the same basket", responses=RESPONSES)
async def get_bought_together(request: Request, item_id: ItemId, choices: VisitorQuery) -> Response:
    """Say what completes a basket that holds this item."""
    page_item = checked_id(item_id, what="item_id")
    question = choices.question(Placement.CART, cart=(page_item,))
    return await answered(request, question)
