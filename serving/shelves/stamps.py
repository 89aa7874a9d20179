"""Numbers of slates: 128 random bits each, drawn a handful at a time."""

from __future__ import annotations

import os

_BYTES = 16
_AT_ONCE = 256


class SlateIds:
    """Gives each slate an id that nobody can guess."""

    def __init__(self) -> None:
        self._drawn = b""
        self._at = 0

    def __call__(self) -> str:
        """Return 32 hexadecimal digits."""
        if self._at >= len(self._drawn):
            self._drawn, self._at = os.urandom(_BYTES * _AT_ONCE), 0
        start = self._at
        self._at = start + _BYTES
        return self._drawn[start : start + _BYTES].hex()
