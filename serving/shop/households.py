"""Whom a visitor may shop as.

`regulars demo` picks a few real households and writes them to a JSON file; the sign-in page reads it on every visit,
so a newer file shows without a restart. Without the file there are guests, and whoever types an id.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from recommender.errors import InvalidInput


class Household(BaseModel):
    """Somebody the visitor may shop as."""

    model_config = ConfigDict(frozen=True)

    user_id: str = Field(min_length=1)
    label: str = ""
    """What the sign-in page shows; the id where empty."""
    note: str = ""
    """One line about them, such as what they bought lately."""

    @property
    def name(self) -> str:
        """What they are called."""
        return self.label or f"Household {self.user_id}"


def read_households(file: Path) -> tuple[Household, ...]:
    """Read the households of a file; none where there is no file.

    Raises
    ------
    InvalidInput
        If the file is not a list of households.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return ()
    try:
        return _HOUSEHOLDS.validate_json(content)
    except ValidationError as error:
        raise InvalidInput(
            f"{file}: not a list of households ({error.errors()[0]['msg']}); write it anew with `regulars demo`"
        ) from error


_HOUSEHOLDS = TypeAdapter(tuple[Household, ...])
