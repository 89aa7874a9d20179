"""Who is signed in: a signed cookie that names a key, and for how long that holds.

The key itself is not in it. On each page it is asked whether the named key still lives and still may see the console,
so a key that is revoked takes its sign-ins with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from itsdangerous import BadData, URLSafeTimedSerializer

COOKIE = "regulars_console"
KEEP_SECONDS = 12 * 3600
"""A working day: then the key is asked for again."""
MAX_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody with a key."""

    key_id: str


class Sessions:
    """Turns sign-ins into cookies and back."""

    def __init__(self, secret: bytes) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="regulars.console.sign-in")

    def cookie_of(self, signed_in: SignedIn) -> str:
        """Return the cookie of a sign-in that begins now."""
        return str(self._serializer.dumps(signed_in.key_id))

    def read(self, cookie: str | None) -> SignedIn | None:
        """Return whom a cookie names; None if it is not ours or too old."""
        if not cookie or len(cookie) > MAX_CHARACTERS:
            return None
        try:
            key_id = self._serializer.loads(cookie, max_age=KEEP_SECONDS)
        except BadData:
            return None
        return SignedIn(key_id) if isinstance(key_id, str) else None
