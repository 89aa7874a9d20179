"""`/v1/users/{user_id}`: a user's slates, and the end of everything known about them.

An id may hold slashes, encoded or not: what stands between ``/v1/users/`` and the last part of the path is the id.
One exception keeps a slip from erasing somebody else: DELETE takes no address of a slate, so the id of a user called
``17/buy-again`` must have its last slash encoded there.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from recommender.slate import Placement
from serving.access.visitors import Visitors
from serving.event_schemas import MergeRequest, MergeResult
from serving.problems import Code, Problem, documented
from serving.routes.slates import RESPONSES, Choices, ChoicesQuery, answered
from serving.schemas import ErasedResult
from serving.security import checked_id
from serving.state import StateDep

router = APIRouter(prefix="/v1/users")
merging = APIRouter()
"""For an address that is none of a user's."""

_SHELVES = (b"recommendations", b"buy-again", b"personalization")
"""Last parts of the addresses of what belongs to a user."""

UserId = Annotated[str, Path(description="The shop's id of the user.", examples=["17"])]


class PersonalChoices(Choices):
    """The query parameters of a user's slate."""

    placement: Placement = Field(default=Placement.HOME, description="Where the shelf is shown.")
    new_only: bool = Field(default=False, description="Whether to leave out what the user owns.")


@router.get("/{user_id:path}/recommendations", tags=["slates"], summary="Recommend to a user", responses=RESPONSES)
async def get_recommendations(
    request: Request, user_id: UserId, choices: Annotated[PersonalChoices, Query()]
) -> Response:
    """Say what this user is likely to want next. A user nobody knows gets what is popular."""
    user = checked_id(user_id, what="user_id")
    question = choices.question(choices.placement, user_id=user, new_only=choices.new_only)
    return await answered(request, question)


@router.get("/{user_id:path}/buy-again", tags=["slates"], summary="What a user is due to reorder", responses=RESPONSES)
async def get_buy_again(request: Request, user_id: UserId, choices: ChoicesQuery) -> Response:
    """Say what this user buys regularly, most needed first; then what else they may want."""
    question = choices.question(Placement.REORDER, user_id=checked_id(user_id, what="user_id"))
    return await answered(request, question)


@merging.post(
    "/v1/users:merge", tags=["users"], summary="Join a guest to a user", responses=documented(408, 413, 422, 503)
)
async def post_merge(request: Request, body: MergeRequest, state: StateDep) -> MergeResult:
    """Let what a guest did count as this user's, before now and from now on. Repeating it changes nothing."""
    if Visitors(request, body.user_token).known_as(body.user_id, what="merge") is None:
        return MergeResult(anonymous_id=body.anonymous_id, user_id=None, moved=0, kept_in="stream")
    try:
        return await state.ingest.merge(body, as_of=state.service.engine.model.as_of)
    except OSError as error:
        raise Problem(
            503, Code.NOT_STORED, "Neither Redis nor the disk took it; send it again.", headers={"Retry-After": "1"}
        ) from error


@router.delete(
    "/{user_id:path}",
    tags=["users"],
    summary="Forget a user",
    responses=documented(400, 405, 503),
    response_model=ErasedResult,
)
async def delete_user(request: Request, user_id: UserId, state: StateDep) -> ErasedResult:
    """Remove a user's candidates and events, treat them as unknown from now on, and leave them out of training."""
    if _names_a_shelf(request, user_id):
        raise Problem(
            405,
            Code.METHOD_NOT_ALLOWED,
            "This is the address of something of a user's, and nobody was erased. Send DELETE to /v1/users/{user_id}; "
            "if the id itself ends like this, encode its slashes as %2F.",
            headers={"Allow": "GET"},
        )
    user = checked_id(user_id, what="user_id")
    try:
        shared = await state.erasures.erase(user)
    except OSError as error:
        raise Problem(
            503, Code.NOT_STORED, f"The erasure could not be written to disk ({error.strerror}); ask again."
        ) from error
    state.metrics.users_erased.inc()
    return ErasedResult(user_id=user, shared=shared)


def _names_a_shelf(request: Request, user_id: str) -> bool:
    """Say whether the last part of the address, as it was written, is a slate's and not all of the id."""
    written: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    last = written.partition(b"?")[0].rpartition(b"/")[2]
    return "/" in user_id and unquote_to_bytes(last) in _SHELVES
