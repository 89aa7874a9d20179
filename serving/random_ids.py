"""Ids of 128 random bits, as slates and requests need one each; drawn many at a time, since asking the kernel costs."""

from __future__ import annotations

import os

_DIGITS = 32
_AT_ONCE = 256


class RandomIds:
    """Makes ids that nobody can guess."""

    def __init__(self) -> None:
        self._drawn = b""
        self._at = 0
        os.register_at_fork(after_in_child=self._forget)

    def __call__(self) -> bytes:
        """Return 32 hexadecimal digits."""
        at = self._at
        if at >= len(self._drawn):
            self._drawn, at = os.urandom(_DIGITS // 2 * _AT_ONCE).hex().encode(), 0
        self._at = at + _DIGITS
        return self._drawn[at : at + _DIGITS]

    def _forget(self) -> None:
        """Draw anew in a forked process, which would otherwise give out its parent's ids."""
        self._drawn = b""
