"""The OpenAPI document: what FastAPI cannot know by itself.

Errors are problems, not FastAPI's own shape, and the body of `POST /v1/events` is read by hand. What middleware answers
(keys, rates, addresses that are no UTF-8) is entered here for every operation.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from serving.access.scopes import FOLLOW, HEALTH, LOOK, PUBLISHABLE, needs
from serving.access.user_tokens import HEADER
from serving.event_schemas import EventIn, EventsRequest
from serving.fragments.blank import FRAGMENTS
from serving.fragments.blank import MEDIA_TYPE as BLANK
from serving.problems import ProblemBody, documented

TAGS = [
    {"name": "slates", "description": "What to show. Every answer has one shape, and there is always an answer."},
    {"name": "events", "description": "What storefronts report."},
    {"name": "items", "description": "The catalogue as it is now."},
    {"name": "mail", "description": "What links and pictures in mail lead to."},
    {"name": "users", "description": "The right to be forgotten."},
    {"name": "operations", "description": "For machines that look after machines."},
]

_OURS: tuple[type[BaseModel], ...] = (ProblemBody, EventIn, EventsRequest)
"""Models that routes name only by reference."""
_FASTAPIS = ("HTTPValidationError", "ValidationError")
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A publishable (pk_…) or secret (sk_…) key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same."},
    "address": {"type": "apiKey", "in": "query", "name": "key", "description": "A publishable key, for beacons."},
}
_USER_TOKEN = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "Shows, with a publishable key, who asks: a signed token of the user.",
}


def describe(app: FastAPI) -> None:
    """Let `app` answer with the completed document."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(generate())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in _OURS:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[schema["title"]] = schema
    schemas["EventsRequest"]["properties"]["events"]["items"] = {"$ref": "#/components/schemas/Event"}
    for name in _FASTAPIS:
        schemas.pop(name, None)
    document["components"]["securitySchemes"] = _SCHEMES
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if _FASTAPIS[0] in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
            _with_middleware(operation, method.upper(), path)
    return document


def _with_middleware(operation: dict[str, Any], method: str, path: str) -> None:
    """Add what is answered before a route is asked, and which keys open it."""
    if path.startswith((FOLLOW, LOOK)):
        return  # never an error (`serving.campaigns.gentle`)
    scope = needs(method, path)
    statuses = [400] if path in HEALTH else [400, 429]
    if scope is not None:
        statuses += [401, 403]
        # {}: a key is needed only once there is one.
        kinds = ("bearer", "header", "address") if scope in PUBLISHABLE else ("bearer", "header")
        operation["security"] = [{}, *({kind: []} for kind in kinds)]
        operation["x-scope"] = scope.value
        if scope in PUBLISHABLE:
            operation.setdefault("parameters", []).append(_USER_TOKEN)
    for status, answer in documented(*statuses).items():
        operation["responses"].setdefault(str(status), answer)
    if path.startswith(FRAGMENTS):
        for status, answer in operation["responses"].items():
            if status != "200":
                answer["content"] = {BLANK: {}}
