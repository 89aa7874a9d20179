"""The section ``[logs]`` of `regulars.toml`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class LogSettings(BaseModel):
    """What the server writes about itself to standard error. It holds no personal data."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    format: Literal["text", "json"] = "text"
    """'text': a line to read; 'json': a line that is one JSON object."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least serious lines to write."""
    access: bool = False
    """Whether each request gets a line: method, route (not the address), status, duration, request id."""
