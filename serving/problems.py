"""Errors as `application/problem+json` (RFC 9457), each with a code that never changes.

422 is for payloads; a wrong parameter or id in the address is a 400. An unknown user or item is no error at all.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

MAX_ECHO = 300
"""Characters of what a client sent that an answer repeats: names of unknown fields can be as long as a body."""

MEDIA_TYPE = "application/problem+json"

NOT_AN_OBJECT = "must be a JSON object"

_log = logging.getLogger(__name__)


class Code(enum.StrEnum):
    """What went wrong, for programs. Append, never rename."""

    INVALID_PARAMETER = "invalid_parameter"
    """400: something in the address is wrong."""
    INVALID_ID = "invalid_id"
    """400: an id in the address can be no id."""
    KEY_REQUIRED = "key_required"
    """401: an API key is needed."""
    KEY_UNKNOWN = "key_unknown"
    """401: the API key is unknown, revoked or expired."""
    KEY_NOT_ALLOWED = "key_not_allowed"
    """403: the API key lacks the scope, or may not be used from this origin."""
    USER_NOT_VOUCHED = "user_not_vouched"
    """403: with a publishable key, only the user's own signed token may do this."""
    NOT_FOUND = "not_found"
    """404: there is no such resource."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    """405: the resource has no such method."""
    BODY_TOO_LARGE = "body_too_large"
    """413: the request body exceeds the limit."""
    INVALID_BODY = "invalid_body"
    """422: the request body breaks a rule, or cannot be read; `errors` says where if a rule is broken."""
    RATE_LIMITED = "rate_limited"
    """429: too many requests of this key or address; `Retry-After` says how many seconds to wait."""
    INTERNAL_ERROR = "internal_error"
    """500: a mistake of ours."""
    NO_MODEL = "no_model"
    """503: nothing was trained or published yet."""
    OVERLOADED = "overloaded"
    """503: too many requests wait; ask again after `Retry-After` seconds."""
    NOT_STORED = "not_stored"
    """503: what was sent could not be kept anywhere; send it again."""
    LEAVING = "leaving"
    """503: this process was told to stop, and answers a little longer."""
    REQUEST_REFUSED = "request_refused"
    """Any other 4xx of the server."""


class FieldError(BaseModel):
    """One broken rule."""

    field: str = Field(description="Where, such as body.limit or query.price_min.")
    message: str = Field(description="What is wrong with it.")


class ProblemBody(BaseModel):
    """An error, as it is sent."""

    model_config = ConfigDict(title="Problem")

    type: str = Field("about:blank", description="Always about:blank: the code says more.")
    title: str = Field(description="The kind of error in a few words.", examples=["Invalid body"])
    status: int = Field(description="The HTTP status.", examples=[422])
    code: Code = Field(description="The kind of error, for programs.")
    detail: str = Field(description="What is wrong, and what to do.")
    errors: list[FieldError] | None = Field(None, description="Each broken rule, where there are several.")


class Problem(Exception):
    """An error to be answered as it is."""

    def __init__(self, status: int, code: Code, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers

    def response(self) -> Response:
        """Return the answer."""
        return problem_response(self.status, self.code, self.detail, headers=self.headers)


def problem_response(
    status: int,
    code: Code,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Build the answer of one error."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = [error.model_dump() for error in errors]
    return Response(orjson.dumps(body), status, headers=headers, media_type=MEDIA_TYPE)


def no_model() -> Problem:
    """Return the error of a question to which nothing was trained."""
    return Problem(
        503,
        Code.NO_MODEL,
        "No model can be served yet: train one and publish it (make train, make publish).",
        headers={"Retry-After": "5"},
    )


def overloaded() -> Problem:
    """Return the error of a request there is no time for."""
    return Problem(
        503, Code.OVERLOADED, "Too many requests wait for an answer; ask again.", headers={"Retry-After": "1"}
    )


def too_large() -> Response:
    """Return the answer to a request body over the limit."""
    code, detail = _OF_STATUS[413]
    return problem_response(413, code, detail)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of the errors a route may answer with."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _DESCRIPTIONS[status], "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_mistake)


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if isinstance(error.body, bytes):  # what FastAPI did not try to read
        return problem_response(422, Code.INVALID_BODY, "The body is not read: send Content-Type: application/json.")
    details = [_plain_json_error(detail) if detail["type"] == "json_invalid" else detail for detail in error.errors()]
    in_body = any(detail["loc"][:1] == ("body",) for detail in details)
    status, code = (422, Code.INVALID_BODY) if in_body else (400, Code.INVALID_PARAMETER)
    errors = field_errors(details)
    return problem_response(status, code, f"{errors[0].field}: {errors[0].message}", errors=errors)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # FastAPI's 400 means a body it could not read; ours are problems already.
    status = 422 if error.status_code == 400 else error.status_code
    code, detail = _OF_STATUS.get(status, (Code.REQUEST_REFUSED, str(error.detail)))
    return problem_response(status, code, detail, headers=error.headers)


async def _on_mistake(request: Request, error: Exception) -> Response:
    # The route, not the address: that names people.
    route = getattr(request.scope.get("route"), "path", "none")
    _log.error("a request to %s failed", route, exc_info=error)
    return problem_response(500, Code.INTERNAL_ERROR, "Something went wrong here; the server's log says what.")


def _plain_json_error(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the finding that a body is no JSON; FastAPI has the character, which is no field, in its place."""
    where = "".join(f", at character {part}" for part in detail["loc"] if isinstance(part, int))
    return {"loc": ("body",), "msg": f"it is no JSON: {detail['ctx']['error']}{where}"}


def field_errors(details: Sequence[Mapping[str, Any]], *, limit: int = 20) -> list[FieldError]:
    """Turn pydantic's findings into ours."""
    return [
        FieldError(field=".".join(str(part) for part in detail["loc"])[:MAX_ECHO], message=_message(detail)[:MAX_ECHO])
        for detail in details[:limit]
    ]


def _message(detail: Mapping[str, Any]) -> str:
    if detail.get("type") != "model_attributes_type":
        return plain(detail["msg"])
    # FastAPI takes a body of another content type for a text: what is wrong then is the header, more often than not.
    is_body = tuple(detail["loc"]) == ("body",)
    return f"{NOT_AN_OBJECT}, sent with Content-Type: application/json" if is_body else NOT_AN_OBJECT


def plain(message: str) -> str:
    """Return pydantic's message as a sentence of ours.

    >>> plain("Value error, it is empty")
    'it is empty'
    >>> plain("URL scheme is missing")
    'URL scheme is missing'
    """
    message = message.removeprefix("Value error, ")
    if message[1:2].isupper():
        return message
    return message[:1].lower() + message[1:]


_OF_STATUS = {
    408: (Code.REQUEST_REFUSED, "The request body took too long to arrive."),
    404: (Code.NOT_FOUND, "There is nothing at this address; /openapi.json lists what there is."),
    405: (Code.METHOD_NOT_ALLOWED, "This address does not take this method; /openapi.json lists what it takes."),
    413: (Code.BODY_TOO_LARGE, "The request body is too large, or holds too many values; send smaller batches."),
    422: (
        Code.INVALID_BODY,
        "The body cannot be read as JSON: it must be UTF-8, not compressed, and without endless nesting or numbers.",
    ),
}
_DESCRIPTIONS = {
    400: "An id or a parameter in the address is wrong.",
    401: "An API key is needed, or it is unknown, revoked or expired.",
    403: "The API key lacks the scope, may not be used from this origin, or does not vouch for the user.",
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    408: "The request body took too long to arrive.",
    413: "The request body is too large.",
    422: "The request body breaks a rule, or cannot be read.",
    429: "Too many requests of this key or address.",
    500: "A mistake of ours, or of a template of yours.",
    503: "Not now: no model yet, or nothing could be stored.",
}
