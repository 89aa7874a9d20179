"""What stands in a link of a mail: one place of one send, sealed.

::

    place    key of the send (5 bytes) | number of the recipient (4) | slot (1)
    tag      HMAC-SHA256(mac key, version | place), its first 16 bytes
    token    base64url(version | tag | place XOR HMAC-SHA256(stream key, tag)), 36 characters

The tag is both signature and nonce (a synthetic IV, as in RFC 5297): equal places have equal tokens, so that a send
written twice has the same bytes, and two tokens tell nothing about each other. A token names nobody: who has the
number is in the send's own file, and what is forged is found out before any file is looked at.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import NamedTuple

from serving.campaigns.sends import KEY_BYTES

NUMBER_BYTES = 4
TAG_BYTES = 16
"""128 bits: nobody tries so many."""
PLACE_BYTES = KEY_BYTES + NUMBER_BYTES + 1
CHARACTERS = 36
MAX_NUMBER = 2 ** (8 * NUMBER_BYTES) - 1
MAX_SLOT = 255

_VERSION = b"\x01"


class Place(NamedTuple):
    """One slot of one recipient of one send."""

    key: bytes
    """The key of the send (`serving.campaigns.sends`)."""
    number: int
    """Of the recipient within the send, from 0."""
    slot: int
    """From 0."""


class Seal:
    """Writes and reads tokens.

    Parameters
    ----------
    secret
        What only this installation knows.
    """

    def __init__(self, secret: bytes) -> None:
        # Two uses of one secret: neither says anything about the other.
        self._mac = hmac.digest(secret, b"regulars mail: tag", "sha256")
        self._stream = hmac.digest(secret, b"regulars mail: stream", "sha256")

    def write(self, place: Place) -> str:
        """Return the token of a place.

        >>> seal, place = Seal(bytes(32)), Place(bytes(5), 7, 0)
        >>> len(seal.write(place)), seal.read(seal.write(place)) == place
        (36, True)
        """
        plain = place.key + place.number.to_bytes(NUMBER_BYTES) + place.slot.to_bytes(1)
        tag = self._tag(plain)
        return base64.urlsafe_b64encode(_VERSION + tag + self._mixed(plain, tag)).decode()

    def read(self, token: str) -> Place | None:
        """Return the place that a token names; None for anything that was not written with this secret."""
        if len(token) != CHARACTERS or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        tag, hidden = raw[1 : 1 + TAG_BYTES], raw[1 + TAG_BYTES :]
        if raw[:1] != _VERSION or len(hidden) != PLACE_BYTES:
            return None
        plain = self._mixed(hidden, tag)
        if not hmac.compare_digest(self._tag(plain), tag):
            return None
        number = int.from_bytes(plain[KEY_BYTES:-1])
        return Place(plain[:KEY_BYTES], number, plain[-1])

    def _tag(self, plain: bytes) -> bytes:
        return hmac.digest(self._mac, _VERSION + plain, "sha256")[:TAG_BYTES]

    def _mixed(self, text: bytes, tag: bytes) -> bytes:
        """Hide a place, or show it again."""
        stream = hmac.digest(self._stream, tag, "sha256")[:PLACE_BYTES]
        return (int.from_bytes(text) ^ int.from_bytes(stream)).to_bytes(PLACE_BYTES)
