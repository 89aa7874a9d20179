"""`POST /v1/events`: what storefronts saw.

The body is read as it is, whatever its content type says: beacons of leaving pages are text/plain. A script that cuts
a text in the middle of a character writes half of a surrogate pair, which is no Unicode: that is read as a control
character, so that it spoils the event it is in, and not the batch.
"""

from __future__ import annotations

import logging
import re

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from serving.access.visitors import Visitors
from serving.event_schemas import EventsRequest, EventsResult
from serving.problems import Code, Problem, documented
from serving.state import StateDep

router = APIRouter(prefix="/v1", tags=["events"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EventsRequest"}}},
    }
}

_HALF = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
"""Half of a surrogate pair; what must be passed over, a backslash that is escaped or a whole pair, is the group."""

_log = logging.getLogger(__name__)


@router.post(
    "/events",
    status_code=202,
    summary="Report events",
    responses=documented(408, 413, 422, 503),
    openapi_extra=_BODY,
)
async def post_events(request: Request, state: StateDep) -> EventsResult:
    """Take a batch of up to 1000 events; each is accepted or rejected on its own.

    What was accepted is kept, and a user's next slate reflects it. Sending a batch again is harmless if every event
    has its own `event_id`.
    """
    body = _read(await request.body())
    engine = state.service.engine
    visitors = Visitors(request, body.user_token)
    events = [visitors.of_event(candidate) for candidate in body.events]
    try:
        return await state.ingest.take(events, as_of=engine.model.as_of, sent_at=body.sent_at)
    except OSError as error:
        _log.error("events could not be written down: %s", error)
        raise Problem(
            503,
            Code.NOT_STORED,
            "Neither Redis nor the disk took the events; send them again.",
            headers={"Retry-After": "1"},
        ) from error


def _read(body: bytes) -> EventsRequest:
    try:
        return _parsed(body)
    except RequestValidationError:
        whole = _HALF.sub(lambda found: found[1] or b"\\u0000", body)
        if whole == body:
            raise
        return _parsed(whole)


def _parsed(body: bytes) -> EventsRequest:
    try:
        return EventsRequest.model_validate_json(body)
    except ValidationError as error:
        details = [{**detail, "loc": ("body", *detail["loc"])} for detail in error.errors(include_url=False)]
        raise RequestValidationError(details) from None
