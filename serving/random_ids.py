"""Ids of 128 random bits, as slates and requests need one each; drawn many at a time, since asking the kernel costs."""

from __future__ import annotations

import os

_BYTES = 16
_AT_ONCE = 256


class RandomIds:
    """Makes ids that nobody can guess."""

    def __init__(self) -> None:
        self._drawn = b""
        self._at = 0
        os.register_at_fork(after_in_child=self._forget)

    def __call__(self) -> str:
        """Return 32 hexadecimal digits."""
        if self._at >= len(self._drawn):
            self._drawn, self._at = os.urandom(_BYTES * _AT_ONCE), 0
        start = self._at
        self._at = start + _BYTES
        return self._drawn[start : start + _BYTES].hex()

    def _forget(self) -> None:
        """Draw anew in a forked process, which would otherwise give out its parent's ids."""
        self._drawn = b""
