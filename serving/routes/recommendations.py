"""`POST /v1/recommendations`: any question, for a user or a guest."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from serving.problems import documented
from serving.questions import Question
from serving.routes.slates import RESPONSES, answered
from serving.schemas import RecommendationsRequest

router = APIRouter(prefix="/v1", tags=["slates"])


@router.post(
    "/recommendations",
    summary="Recommend for a session",
    responses={**RESPONSES, **documented(408, 413, 422)},
    openapi_extra={"operationId": "post_recommendations"},
)
async def post_recommendations(request: Request, body: RecommendationsRequest) -> Response:
    """Say what to show a user or a guest, given the cart, what was viewed, and the shelf's limits.

    Ids that would be awkward in an address are answered here like any other.
    """
    question = Question(
        placement=body.placement,
        user_id=body.user_id,
        limit=body.limit,
        viewed=tuple(body.seeds.viewed),
        cart=tuple(body.seeds.cart),
        exclude=tuple(body.exclude),
        categories=tuple(name for name in body.filters.categories if name),
        price_min=body.filters.price_min,
        price_max=body.filters.price_max,
        new_only=body.new_only,
        include_out_of_stock=not body.filters.in_stock,
        reasons=body.reasons,
    )
    return await answered(request, question)
