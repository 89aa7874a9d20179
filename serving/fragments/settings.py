"""The section ``[fragments]`` of `regulars.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _base(value: str) -> str:
    if not value.startswith(("https://", "http://")) or not value.isprintable() or " " in value:
        raise ValueError(f"{value[:80]!r} is no web address; write one such as https://reco.example")
    return value.rstrip("/")


class FragmentSettings(BaseModel):
    """Shelves as HTML, for shops whose pages run no script."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    template: Path | None = Field(default=None)
    """A Jinja template of your own, in place of the one that draws what the widget draws."""
    public_url: Annotated[str, AfterValidator(_base)] | None = None
    """Where browsers reach this API, for the pictures it draws; unset, the host that the fragment was asked of."""
