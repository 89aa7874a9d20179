"""The OpenAPI document: what FastAPI cannot know by itself.

Errors are problems, not FastAPI's own shape, and the body of `POST /v1/events` is read by hand.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from serving.problems import ProblemBody
from serving.schemas import EventIn, EventsRequest

TAGS = [
    {"name": "slates", "description": "What to show. Every answer has one shape, and there is always an answer."},
    {"name": "events", "description": "What storefronts report."},
    {"name": "items", "description": "The catalogue as it is now."},
    {"name": "users", "description": "The right to be forgotten."},
    {"name": "operations", "description": "For machines that look after machines."},
]

_OURS: tuple[type[BaseModel], ...] = (ProblemBody, EventIn, EventsRequest)
"""Models that routes name only by reference."""
_FASTAPIS = ("HTTPValidationError", "ValidationError")


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
    for methods in document["paths"].values():
        for operation in methods.values():
            if _FASTAPIS[0] in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    return document
