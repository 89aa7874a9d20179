"""`GET /v1/trending` and `/v1/bestsellers`: the same for everybody, less what a user owns."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from recommender.slate import Placement
from serving.routes.slates import RESPONSES, ChoicesDep, OptionalUser, answered
from serving.service import Question
from serving.state import StateDep

router = APIRouter(prefix="/v1", tags=["slates"])


@router.get("/trending", summary="What sells better lately", responses=RESPONSES)
async def get_trending(request: Request, choices: ChoicesDep, user_id: OptionalUser, state: StateDep) -> Response:
    """Say what sells better lately than it used to."""
    question = Question(placement=Placement.TRENDING, user_id=user_id, **choices.common)
    return await answered(request, state, question, reasons=choices.reasons)


@router.get("/bestsellers", summary="What most people bought", responses=RESPONSES)
async def get_bestsellers(request: Request, choices: ChoicesDep, user_id: OptionalUser, state: StateDep) -> Response:
    """Say what most people have ever bought."""
    question = Question(placement=Placement.BESTSELLERS, user_id=user_id, **choices.common)
    return await answered(request, state, question, reasons=choices.reasons)
