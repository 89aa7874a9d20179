"""A store that spoils what it sends must not make one user see another's list: a million reads through a bad road."""

from __future__ import annotations

from benchmarks.faults import mixups
from benchmarks.results import Row, at_least, at_most, figure

FAULT = "a million reads through resets, sliced, slow and garbage bytes"

REQUESTS, QUICK_REQUESTS = 1_000_000, 50_000


def measure(*, quick: bool) -> list[Row]:
    """Read, and look closely at every answer."""
    requests = QUICK_REQUESTS if quick else REQUESTS
    found = mixups.measure(requests)
    return [
        figure("reads answered", found.answered, "", goal=at_least(requests)),
        figure("answers of another user", found.mixed_up, "", goal=at_most(0)),
        figure("answers wrong in another way", found.garbled, "", goal=at_most(0)),
        figure("reads told that Redis is away", found.unavailable, ""),
        figure("reads given up by the asker", found.given_up, ""),
        figure("connections it took", found.connections, ""),
    ]
