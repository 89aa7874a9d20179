"""`GET /v1/trending` and `/v1/bestsellers`: the same for everybody, less what a user owns."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from recommender.slate import Placement
from serving.routes.slates import RESPONSES, VisitorQuery, answered

router = APIRouter(prefix="/v1", tags=["slates"])


@router.get("/trending", summary="What sells better lately", responses=RESPONSES)
async def get_trending(request: Request, choices: VisitorQuery) -> Response:
    """Say what sells better lately than it used to."""
    return await answered(request, choices.question(Placement.TRENDING))


@router.get("/bestsellers", summary="What most people bought", responses=RESPONSES)
async def get_bestsellers(request: Request, choices: VisitorQuery) -> Response:
    """Say what most people have ever bought."""
    return await answered(request, choices.question(Placement.BESTSELLERS))
