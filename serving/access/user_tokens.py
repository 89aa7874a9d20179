"""Signed user tokens: by them a page proves who its visitor is.

A publishable key can be read by everybody, so it proves nothing about who asks. The shop's server, which knows who is
signed in, signs a JSON Web Token (RFC 7519) for them: HS256, with the claims ``sub`` (the user's id) and ``exp``. The
signature is left to PyJWT, with one algorithm and no other; times are judged here, where they can be tested.

Page views bring the same token again and again, so what was found good is remembered until it expires; what was not,
is not, so that forged tokens cannot push good ones out.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import jwt

from serving.access.settings import AccessSettings
from serving.access.signing_secrets import SigningSecret, SigningSecrets
from serving.access.watch import Watch

HEADER = "X-User-Token"
"""Of requests: the token. Of answers: why the user was not believed."""
HEADER_BYTES = HEADER.lower().encode()

DOUBT = "regulars.doubt"
"""Scope key under which lies why somebody was not believed, for the header of the answer."""

MAX_TOKEN_BYTES = 2_048
MAX_REMEMBERED = 10_000
"""Tokens found good; about half a kilobyte each."""
LEEWAY_SECONDS = 30
"""By how much clocks of two servers may differ."""
ALGORITHM = "HS256"


class Doubt(StrEnum):
    """Why somebody is not believed to be the user they name. None of it depends on whether there is such a user."""

    MISSING = "missing"
    """There is no token."""
    EXPIRED = "expired"
    """Its time is over."""
    OTHER_USER = "other_user"
    """It is good, and somebody else's."""
    INVALID = "invalid"
    """It was not signed with a live secret, lives too long, or is no token at all."""


class _Good(NamedTuple):
    user_id: str
    until: float


class UserTokens:
    """Judges tokens."""

    def __init__(self, settings: AccessSettings, data_dir: Path, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._longest = settings.user_token_hours * 3600 + LEEWAY_SECONDS
        self._audience = settings.user_token_audience
        self._options = _options(with_audience=self._audience is not None)
        self._watch: Watch[SigningSecret] = Watch(
            SigningSecrets(data_dir), unknown="no signing secret is known, so no user token is believed"
        )
        self._secrets: tuple[bytes, ...] = ()
        self._good: OrderedDict[bytes, _Good] = OrderedDict()

    def refresh(self) -> None:
        """Read the secrets if they changed. Never raises: what is wrong is logged once."""
        if (every := self._watch.news()) is not None:
            self._secrets = tuple(secret.text.encode() for secret in reversed(every) if secret.text is not None)
            self.forget()

    def forget(self) -> None:
        """Judge every token anew."""
        self._good.clear()

    def doubt(self, token: bytes | None, user_id: str) -> Doubt | None:
        """Say why a token does not show that its bearer is this user; None if it does."""
        if not token:
            return Doubt.MISSING
        good = self._good.get(token)
        if good is None:
            found = self._judged(token)
            if isinstance(found, Doubt):
                return found
            good = self._remember(token, found)
        else:
            self._good.move_to_end(token)
        if good.until <= self._now():
            del self._good[token]
            return Doubt.EXPIRED
        return None if good.user_id == user_id else Doubt.OTHER_USER

    def _remember(self, token: bytes, good: _Good) -> _Good:
        self._good[token] = good
        if len(self._good) > MAX_REMEMBERED:
            self._good.popitem(last=False)
        return good

    def _judged(self, token: bytes) -> _Good | Doubt:
        if len(token) > MAX_TOKEN_BYTES:
            return Doubt.INVALID
        for secret in self._secrets:
            try:
                claims = jwt.decode(token, secret, [ALGORITHM], options=self._options, audience=self._audience)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, RecursionError):  # the last two from the JSON in it
                return Doubt.INVALID
            return self._timed(claims)
        return Doubt.INVALID

    def _timed(self, claims: Mapping[str, Any]) -> _Good | Doubt:
        """Return a token whose time has come and is not over, and is not too long."""
        now, end = self._now(), _moment(claims["exp"])
        begin, issued = _moment(claims.get("nbf", 0)), _moment(claims.get("iat", now))
        if end is None or begin is None or issued is None or begin > now + LEEWAY_SECONDS:
            return Doubt.INVALID
        if end + LEEWAY_SECONDS <= now:
            return Doubt.EXPIRED
        if end - min(issued, now) > self._longest:
            return Doubt.INVALID
        return _Good(claims["sub"], end + LEEWAY_SECONDS)


def _options(*, with_audience: bool) -> Any:
    required = ["sub", "exp", "aud"] if with_audience else ["sub", "exp"]
    judged_here = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_iss", "verify_jti"), False)
    return {**judged_here, "require": required, "verify_aud": with_audience}


def _moment(claim: Any) -> float | None:
    """Return a numeric date (RFC 7519, section 2), or None if it is none."""
    is_number = isinstance(claim, (int, float)) and not isinstance(claim, bool)
    try:
        return float(claim) if is_number and math.isfinite(claim) else None
    except OverflowError:  # an integer of many digits
        return None
