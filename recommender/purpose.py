"""What a ranking is for. Buying again dominates purchase logs, so the two are learned and measured apart."""

from __future__ import annotations

import enum


class Purpose(enum.StrEnum):
    """Which items may be recommended, and therefore which count as relevant."""

    ALL = "all"
    """Every item, those the user owns included."""
    NEW = "new"
    """Only items the user does not own."""
