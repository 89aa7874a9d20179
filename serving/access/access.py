"""Whether a request may be answered: one function, asked by everything that answers.

::

    refusal = access.refusal(presented(headers, query), origin=page_of(headers, method), address=…, needs=Scope.SLATES)
    if refusal is not None: answer with it

    doubt = access.doubt(key, token, user_id)
    if doubt is not None: answer as if nobody was named

Keys are looked up by the first bytes of their hash and compared whole in constant time; for a key nobody knows, the
same comparison is made with nobody's. It never opens by accident: a file that is damaged or has gone changes nothing
about the keys known before, and until the file was read for the first time, nothing is open.
"""

from __future__ import annotations

import hmac
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from limits import RateLimitItem, parse

from serving.access.keyring import Keyring
from serving.access.keys import PREFIXES, ApiKey, Kind, digest_of
from serving.access.presented import networks_of, without_scheme
from serving.access.rates import Rates, counted_as
from serving.access.refusal import KEY_REQUIRED, KEY_UNKNOWN, ORIGIN_NOT_ALLOWED, OUT_OF_SCOPE, Refusal, rate_limited
from serving.access.scopes import Scope
from serving.access.settings import AccessSettings
from serving.access.user_tokens import Doubt, UserTokens
from serving.access.watch import Watch

PREFIX = 8
"""Bytes of a hash that a key is found by; the rest of it decides."""

_IN_PAGES = PREFIXES[Kind.PUBLISHABLE].encode()


@dataclass(frozen=True, slots=True)
class _Live:
    """A key as it is needed on each request."""

    key_id: str
    digest: bytes = field(repr=False)
    scopes: frozenset[Scope]
    origins: frozenset[bytes]
    pages: frozenset[bytes]
    """The same, with and without their schemes: as `page_of` may return them."""
    rate: RateLimitItem | None
    expires_at: float

    @classmethod
    def of(cls, key: ApiKey) -> _Live:
        origins = frozenset(origin.encode() for origin in key.origins)
        return cls(
            key_id=key.key_id,
            digest=bytes.fromhex(key.sha256),
            scopes=frozenset(key.scopes),
            origins=origins,
            pages=origins | {without_scheme(origin) for origin in origins},
            rate=None if key.rate is None else parse(key.rate),
            expires_at=math.inf if key.expires_at is None else key.expires_at.timestamp(),
        )


_NOBODY = _Live("", bytes(32), frozenset(), frozenset(), frozenset(), None, -math.inf)


class Access:
    """Lets requests in, or says why not."""

    def __init__(
        self,
        settings: AccessSettings,
        data_dir: Path,
        *,
        now: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.proxies = networks_of(settings.proxies)
        self.tokens = UserTokens(settings, data_dir, now=now)
        self._always = settings.keys == "required"
        self._per_address = None if settings.rate_per_address is None else parse(settings.rate_per_address)
        self._now = now
        self._rates = Rates(ticks)
        self._watch = Watch(Keyring(data_dir), unknown="no key is known, so every request that needs one is refused")
        self._required = True
        self._live: dict[bytes, _Live] = {}
        self._origins: frozenset[bytes] = frozenset()

    def refusal(
        self, key: bytes | None, *, origin: bytes | None, address: str | None, needs: Scope | None
    ) -> Refusal | None:
        """Say why a request is not answered; None if it is. `needs` None: no key is needed.

        `origin` is what `page_of` returns.
        """
        if self._per_address is not None and address is not None:
            seconds = self._rates.wait_seconds(self._per_address, counted_as(address))
            if seconds is not None:
                return rate_limited(seconds)
        if not self._required or needs is None:
            return None
        return KEY_REQUIRED if not key else self._of_key(key, origin, needs)

    def allows_origin(self, origin: bytes) -> bool:
        """Whether a live key lists this origin; preflights bring no key."""
        return origin in self._origins

    @property
    def is_open(self) -> bool:
        """Whether everybody may ask anything, as often as they like."""
        return not self._required and self._per_address is None

    @property
    def counts_addresses(self) -> bool:
        """Whether `refusal` must be told the client's address."""
        return self._per_address is not None

    @property
    def is_required(self) -> bool:
        """Whether requests need a key."""
        return self._required

    def refresh(self) -> None:
        """Read the files that changed since the last look. Never raises: what is wrong is logged once."""
        if (keys := self._watch.news()) is not None:
            self._know(keys)
        self.tokens.refresh()

    def doubt(self, key: bytes | None, token: bytes | None, user_id: str) -> Doubt | None:
        """Say why a user is not believed who is named with an admitted key; None if they are.

        A secret key vouches for whomever it names, and an API without keys believes everybody. What a key begins with
        is part of what its hash was taken of, so it says beyond doubt of which kind the key is.
        """
        if not self._required or (key is not None and not key.startswith(_IN_PAGES)):
            return None
        return self.tokens.doubt(token, user_id)

    def _of_key(self, key: bytes, origin: bytes | None, needs: Scope) -> Refusal | None:
        digest = digest_of(key)
        live = self._live.get(digest[:PREFIX], _NOBODY)
        if not hmac.compare_digest(live.digest, digest) or live.expires_at <= self._now():
            return KEY_UNKNOWN
        if needs not in live.scopes:
            return OUT_OF_SCOPE[needs]
        if live.pages and origin not in live.pages:
            return ORIGIN_NOT_ALLOWED
        if live.rate is not None and (seconds := self._rates.wait_seconds(live.rate, live.key_id)) is not None:
            return rate_limited(seconds)
        return None

    def _know(self, keys: Iterable[ApiKey]) -> None:
        now = datetime.fromtimestamp(self._now(), UTC)
        every = tuple(keys)
        live = [_Live.of(key) for key in every if key.is_live(now)]
        self._live = {key.digest[:PREFIX]: key for key in live}
        self._origins = frozenset(origin for key in live for origin in key.origins)
        self._required = self._always or bool(every)
