"""What artifacts of earlier schemas lack, and what stands for it: an old version stays good for a rollback.

=======  ========================================================================
schema   came with it
=======  ========================================================================
4        the outlook of every user, and how regular repeat orders are
=======  ========================================================================
"""

from __future__ import annotations

from typing import Any

from recommender.codec import Arrays, flatten
from recommender.loyalty.outlook import Outlook
from recommender.manifest import Manifest
from recommender.repeat import UNKNOWN_REGULARITY


def completed(manifest: Manifest, arrays: Arrays) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays and values of an artifact, with what its schema did not have yet."""
    values = dict(manifest.values)
    if manifest.schema < 4 and "customers.segment" in arrays:
        unknown, _ = flatten(Outlook.unknown(len(arrays["customers.segment"])), "outlook.")
        return {**unknown, **arrays}, {"repeat.regularity": UNKNOWN_REGULARITY, **values}
    return arrays, values
