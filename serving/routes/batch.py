"""`POST /v1/slates`: several shelves at once, for a page or for a mailing."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from serving.access.visitors import Visitors
from serving.batches import answer_all
from serving.problems import documented
from serving.schemas import SlatesBody, SlatesRequest
from serving.security import SOURCE
from serving.state import state_of

router = APIRouter(prefix="/v1", tags=["slates"])


@router.post(
    "/slates",
    summary="Recommend for several shelves",
    responses={
        200: {"model": SlatesBody, "description": "A slate per request, in their order."},
        **documented(400, 413, 422, 503),
    },
    openapi_extra={"operationId": "post_slates"},
)
async def post_slates(request: Request, body: SlatesRequest) -> Response:
    """Answer up to 100 questions in one go: the shelves of a page, or one shelf for each recipient of a mailing.

    All users are read in one round trip. Unless `distinct` is false, no item is on two shelves of the same user.
    """
    visitors = Visitors(request, body.user_token)
    questions = [visitors.asking(asked.question()) for asked in body.requests]
    replies = await answer_all(state_of(request.app).service, questions, distinct=body.distinct)
    request.scope[SOURCE] = replies[0].source
    content = b'{"slates":[%b]}' % b",".join(reply.body for reply in replies)
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})
