"""How many mails of all campaigns one person gets in so many days."""

from __future__ import annotations

import re
from typing import NamedTuple

from recommender.errors import InvalidInput

_CAP = re.compile(r"(\d{1,3}) in (\d{1,4}(?:\.\d+)?)\s*d(?:ays?)?")


class Cap(NamedTuple):
    """So many, in so many days."""

    times: int
    days: float

    @classmethod
    def parse(cls, text: str) -> Cap:
        """Understand ``2 in 7 days``.

        >>> Cap.parse("2 in 7 days")
        Cap(times=2, days=7.0)

        Raises
        ------
        InvalidInput
            If it is something else.
        """
        found = _CAP.fullmatch(text.strip())
        if found is None or not float(found[2]):
            raise InvalidInput(f"{text[:80]!r} is no cap; write how many mails in how many days, such as '2 in 7 days'")
        return cls(int(found[1]), float(found[2]))


def capped(text: str) -> str:
    """Return `text` if it is a cap or empty.

    Raises
    ------
    InvalidInput
        If it is neither.
    """
    if text:
        Cap.parse(text)
    return text
