"""Who a campaign is for: the users of one segment, or everybody.

Segments come with the model: training sorted every user into one by recency, frequency and money.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.loyalty.rfm import CustomerBase, Segment

EVERYBODY = "all"
"""Names the audience of every user."""


@dataclass(frozen=True, slots=True, eq=False)
class Audience:
    """Some users of a model."""

    name: str
    """The segment, or ``all``."""
    user: npt.NDArray[np.int32]
    """(n,) user indices, ascending."""

    @classmethod
    def of(cls, customers: CustomerBase, name: str) -> Audience:
        """Return the segment called `name`; case, hyphens and underscores do not matter.

        Raises
        ------
        InvalidInput
            If there is no such segment; the message names those there are, with their sizes.
        """
        if name.strip().lower() == EVERYBODY:
            return cls(EVERYBODY, np.arange(len(customers), dtype=np.int32))
        try:
            segment = Segment.parse(name)
        except InvalidInput:
            known = ", ".join(f"{label!r} ({count:,})" for label, count in sizes(customers).items())
            raise InvalidInput(f"there is no segment {name!r}; there are {known}") from None
        return cls(segment.label, customers.members(segment))

    def __len__(self) -> int:
        return len(self.user)

    @property
    def folder(self) -> str:
        """Its name as a folder: made of letters and underscores only."""
        return self.name.replace(" ", "_")


def sizes(customers: CustomerBase) -> dict[str, int]:
    """Return how many users each segment has, and all of them together."""
    counts = np.bincount(customers.segment, minlength=len(Segment)).tolist()
    return {**{segment.label: counts[segment] for segment in Segment}, EVERYBODY: len(customers)}
