"""How long the tests that look for the unexpected look: a little in CI, long at night."""

from __future__ import annotations

import os

import hypothesis

NIGHTLY = bool(os.environ.get("REGULARS_NIGHTLY"))
"""Set REGULARS_NIGHTLY=1 for the long form: other examples each time, and many of them."""


def looking(*, ci: int, nightly: int, **more: object) -> hypothesis.settings:
    """Return settings with so many examples; at night they are drawn anew, in CI always the same."""
    return hypothesis.settings(
        max_examples=nightly if NIGHTLY else ci,
        derandomize=not NIGHTLY,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        **more,  # type: ignore[arg-type]
    )
