"""`POST /v1/recommendations`: any question, for a user or a guest."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from serving.problems import documented
from serving.routes.slates import RESPONSES, answered
from serving.schemas import RecommendationsBody

router = APIRouter(prefix="/v1", tags=["slates"])


@router.post(
    "/recommendations",
    summary="Recommend for a session",
    responses={**RESPONSES, **documented(408, 413, 422)},
    openapi_extra={"operationId": "post_recommendations"},
)
async def post_recommendations(request: Request, body: RecommendationsBody) -> Response:
    """Say what to show a user or a guest, given the cart, what was viewed, and the shelf's limits.

    Ids that would be awkward in an address are answered here like any other.
    """
    return await answered(request, body.question(), user_token=body.user_token)
