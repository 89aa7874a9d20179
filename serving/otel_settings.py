"""The section ``[otel]`` of `regulars.toml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _address(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("it is no address; write one such as http://collector:4318")
    return value


class OtelSettings(BaseModel):
    """Traces for an OpenTelemetry collector. They hold no personal data."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    endpoint: Annotated[str, AfterValidator(_address)] = ""
    """Address of a collector of OTLP over HTTP, such as http://collector:4318; empty: no traces. Needs the extra."""
    sample: float = Field(default=0.01, ge=0, le=1)
    """Share of the requests that are traced; a caller's `traceparent` decides for its own."""
