"""What every route that answers with a slate shares: its parameters, its answer, its documentation.

Parameters are models, not dependencies: FastAPI reads a model in one go, and a slate asks for up to nine of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from recommender.slate import Placement
from serving.access.visitors import Visitors
from serving.problems import documented
from serving.questions import Question
from serving.schemas import DEFAULT_LIMIT, MAX_EXCLUDED, Limit, SlateBody
from serving.security import SOURCE, checked_id
from serving.state import state_of

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": SlateBody, "description": "A slate. Unknown users and items get a fallback, never an error."},
    **documented(400, 503),
}


class Choices(BaseModel):
    """The query parameters of a slate."""

    model_config = ConfigDict(frozen=True)

    limit: Limit = DEFAULT_LIMIT
    category: list[str] = Field(default_factory=list, description="Only this category; may be repeated.")
    price_min: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    price_max: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    in_stock: bool = Field(default=True, description="Whether to leave out what is out of stock.")
    exclude: list[str] = Field(default_factory=list, max_length=MAX_EXCLUDED, description="An item not to show.")
    reasons: bool = Field(default=True, description="Whether to say why each item is offered.")
    personal: bool = Field(default=True, description="false: answer as for a guest nothing is known of.")

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise ValueError(f"price_min {self.price_min} is above price_max {self.price_max}")
        return self

    def question(self, placement: Placement, **asked: Any) -> Question:
        """Return the question that these choices and the address ask together."""
        return Question(
            placement=placement,
            limit=self.limit,
            categories=tuple(name for name in self.category if name),
            price_min=self.price_min,
            price_max=self.price_max,
            include_out_of_stock=not self.in_stock,
            exclude=tuple(self.exclude),
            reasons=self.reasons,
            **(asked if self.personal else asked | {"user_id": None}),
        )


class VisitorChoices(Choices):
    """The query parameters of a slate that is not about a user, but may be shown to one."""

    user_id: str | None = Field(default=None, description="For whom: what they own is left out.")

    def question(self, placement: Placement, **asked: Any) -> Question:
        """Return the question; raise `Problem` if the user's id can be none."""
        user_id = checked_id(self.user_id, what="user_id") if self.user_id else None
        return super().question(placement, user_id=user_id, **asked)


ChoicesQuery = Annotated[Choices, Query()]
VisitorQuery = Annotated[VisitorChoices, Query()]


async def answered(request: Request, question: Question, *, user_token: str | None = None) -> Response:
    """Answer a question with a slate; as a guest's, if it names a user whom the request does not vouch for."""
    if question.user_id is not None:
        question = Visitors(request, user_token).asking(question)
    reply = await state_of(request.app).service.reply(question)
    request.scope[SOURCE] = reply.source
    return Response(reply.body, media_type="application/json", headers={"Cache-Control": "no-store"})
