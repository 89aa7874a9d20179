"""How many users are in each segment of a version."""

from __future__ import annotations

import numpy as np

from recommender.loyalty.rfm import CustomerBase, Segment

EVERYBODY = "all"
"""Names the audience of every user."""


def sizes(customers: CustomerBase) -> dict[str, int]:
    """Return how many users each segment has, and all of them together."""
    counts = np.bincount(customers.segment, minlength=len(Segment)).tolist()
    return {**{segment.label: counts[segment] for segment in Segment}, EVERYBODY: len(customers)}
