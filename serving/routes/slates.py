"""What every route that answers with a slate shares: its parameters, its answer, its documentation."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from recommender.ids import id_problem
from serving.problems import Code, Problem, documented
from serving.schemas import DEFAULT_LIMIT, MAX_EXCLUDED, MAX_LIMIT, SlateBody
from serving.security import SOURCE
from serving.service import Question
from serving.state import State

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": SlateBody, "description": "A slate. Unknown users and items get a fallback, never an error."},
    **documented(400, 503),
}


class Choices:
    """The query parameters of a slate."""

    def __init__(
        self,
        *,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items at most.")] = DEFAULT_LIMIT,
        category: Annotated[list[str] | None, Query(description="Only this category; may be repeated.")] = None,
        price_min: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
        price_max: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
        in_stock: Annotated[bool, Query(description="Whether to leave out what is out of stock.")] = True,
        exclude: Annotated[list[str] | None, Query(max_length=MAX_EXCLUDED, description="An item not to show.")] = None,
        reasons: Annotated[bool, Query(description="Whether to say why each item is offered.")] = True,
    ) -> None:
        if price_min is not None and price_max is not None and price_min > price_max:
            raise Problem(400, Code.INVALID_PARAMETER, f"price_min {price_min} is above price_max {price_max}")
        self.reasons = reasons
        self.common: dict[str, Any] = {
            "limit": limit,
            "categories": tuple(name for name in category or () if name),
            "price_min": price_min,
            "price_max": price_max,
            "include_out_of_stock": not in_stock,
            "exclude": tuple(exclude or ()),
        }


ChoicesDep = Annotated[Choices, Depends(Choices)]


def _optional_user(
    user_id: Annotated[str | None, Query(description="For whom: what they own is left out.")] = None,
) -> str | None:
    if user_id and (problem := id_problem(user_id)):
        raise Problem(400, Code.INVALID_ID, f"user_id {user_id[:40]!r} cannot be an id: {problem}")
    return user_id or None


OptionalUser = Annotated[str | None, Depends(_optional_user)]


async def answered(request: Request, state: State, question: Question, *, reasons: bool) -> Response:
    """Answer a question with a slate."""
    answer = await state.service.answer(question)
    request.scope[SOURCE] = answer.slate.source.label
    body = state.renderer.slate(answer, reasons=reasons)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
