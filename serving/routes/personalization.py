"""`/v1/users/{user_id}/personalization`: whether a user wants personal picks.

A choice is a user's own: with a publishable key it takes their signed token, with a secret key the shop vouches. Who is
not believed is told so; to answer as if nothing was asked would be a promise that is not kept.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from recommender.errors import StoreUnavailable
from serving.access.visitors import Visitors
from serving.problems import Code, Problem, documented
from serving.schemas import Body, UserToken
from serving.security import checked_id
from serving.state import State, StateDep
from serving.stores.choices import OPTED_OUT

router = APIRouter(prefix="/v1/users", tags=["users"])

PATH = "/{user_id:path}/personalization"

UserId = Annotated[str, Path(description="The shop's id of the user.", examples=["17"])]


class PersonalizationRequest(Body):
    """A choice."""

    on: bool = Field(description="false: no personal picks from the next request on; true: personal picks again.")
    user_token: UserToken = None


class PersonalizationBody(BaseModel):
    """What a user chose."""

    user_id: str
    on: bool = Field(description="false: personal picks are switched off.")


class PersonalizationResult(PersonalizationBody):
    """What became of a choice."""

    shared: bool = Field(description="false: Redis is away; it is told as soon as it is back.")


@router.put(PATH, summary="Switch personal picks off or on", responses=documented(400, 403, 408, 413, 422, 503))
async def put_personalization(
    request: Request, user_id: UserId, body: PersonalizationRequest, state: StateDep
) -> PersonalizationResult:
    """Let a user do without personal picks, on the site and in mails, until they switch them on again.

    Their events are kept as before, and what they refuse, bought or put into the cart is still left out.
    """
    user = _believed(request, user_id, body.user_token)
    try:
        shared = await state.opt_outs.choose(user, on=body.on)
    except OSError as error:
        raise Problem(
            503, Code.NOT_STORED, f"The choice could not be written to disk ({error.strerror}); ask again."
        ) from error
    return PersonalizationResult(user_id=user, on=body.on and user not in state.erasures, shared=shared)


@router.get(PATH, summary="Whether a user wants personal picks", responses=documented(400, 403))
async def get_personalization(request: Request, user_id: UserId, state: StateDep) -> PersonalizationBody:
    """Say what a user chose; who never chose has personal picks, and who was erased has none."""
    user = _believed(request, user_id, None)
    return PersonalizationBody(user_id=user, on=not await _is_off(state, user))


def _believed(request: Request, user_id: str, token: str | None) -> str:
    user = checked_id(user_id, what="user_id")
    if Visitors(request, token).known_as(user, what="personalization") is None:
        raise Problem(
            403,
            Code.USER_NOT_VOUCHED,
            "With a publishable key, only the user may do this: send their signed token as X-User-Token. The header "
            "of this answer says what is wrong with the one that came.",
        )
    return user


async def _is_off(state: State, user_id: str) -> bool:
    if user_id in state.erasures or user_id in state.opt_outs:
        return True
    try:
        record = await state.stores.slates.read_user(user_id, version=None)
    except StoreUnavailable:
        return False
    return record.erased or OPTED_OUT in record.fresh
