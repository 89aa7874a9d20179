"""What the demo shop page needs to know: its name, and whom a visitor may shop as.

`regulars demo` picks a few real households and writes them to a JSON file; the page reads it on every visit,
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
    """What the picker shows; the id where empty."""
    note: str = ""
    """One line about them, such as what they bought lately."""


class ShopPage(BaseModel):
    """The page's data."""

    model_config = ConfigDict(frozen=True)

    name: str = "Regulars Market"
    households_file: Path | None = None
    """JSON: a list of households."""

    def households(self) -> tuple[Household, ...]:
        """Read the households; none where there is no file.

        Raises
        ------
        InvalidInput
            If the file is not a list of households.
        """
        if self.households_file is None or not self.households_file.exists():
            return ()
        try:
            return _HOUSEHOLDS.validate_json(self.households_file.read_bytes())
        except ValidationError as error:
            raise InvalidInput(
                f"{self.households_file}: not a list of households ({error.errors()[0]['msg']}); "
                "write it anew with `regulars demo`"
            ) from error


_HOUSEHOLDS = TypeAdapter(tuple[Household, ...])
