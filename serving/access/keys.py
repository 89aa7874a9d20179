"""One API key: what is kept of it, and how one is made.

A key is a prefix and 256 random bits: ``pk_`` (publishable, stands in pages) or ``sk_`` (secret, stays on servers).
Kept is its SHA-256 alone. A slow hash such as Argon2 protects what people choose, because it can be guessed; among
2²⁵⁶ keys there is nothing to guess, however fast the hash, and a slow one would be paid on each request.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from serving.access.origins import Origin
from serving.access.scopes import PUBLISHABLE, Scope
from serving.access.settings import Rate

RANDOM_BYTES = 32


class Kind(StrEnum):
    """Where a key may stand."""

    PUBLISHABLE = "publishable"
    SECRET = "secret"  # noqa: S105  a kind, no key


PREFIXES = {Kind.PUBLISHABLE: "pk_", Kind.SECRET: "sk_"}


def _name(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError(f"{value[:40]!r} is no name: it must have letters, and no control characters")
    return value.strip()


Name = Annotated[str, Field(max_length=100), AfterValidator(_name)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]


class ApiKey(BaseModel):
    """What is kept of a key; the key itself is not."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key_id: Annotated[str, Field(pattern=r"^k[0-9a-f]{8}$")]
    """How it is spoken of; public."""
    name: Name
    kind: Kind
    sha256: Digest
    scopes: tuple[Scope, ...]
    origins: tuple[Origin, ...] = ()
    """Pages that may use it; any if empty."""
    rate: Rate | None = None
    """Requests per worker process."""
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _publishable_keys_do_little(self) -> Self:
        if not self.scopes:
            raise ValueError("a key without a scope can do nothing; name one")
        if self.kind is Kind.PUBLISHABLE and not PUBLISHABLE.issuperset(self.scopes):
            raise ValueError("a publishable key may have the scopes slates and events only; make a secret key")
        return self

    def is_live(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Minted(NamedTuple):
    """A new key, and what is kept of it."""

    text: str
    """The key itself: shown once, stored nowhere."""
    kept: ApiKey

    def __repr__(self) -> str:
        """Name the record only."""
        return f"Minted(text=***, kept={self.kept!r})"


def digest_of(key: bytes) -> bytes:
    """Return what a key is known by."""
    return hashlib.sha256(key).digest()


def mint(
    name: str,
    kind: Kind,
    *,
    now: datetime,
    scopes: tuple[Scope, ...] = (Scope.SLATES, Scope.EVENTS),
    origins: tuple[str, ...] = (),
    rate: str | None = None,
    expires_at: datetime | None = None,
) -> Minted:
    """Make a key.

    Raises
    ------
    pydantic.ValidationError
        If the name, a scope, an origin or the rate cannot be one.
    """
    text = PREFIXES[kind] + secrets.token_urlsafe(RANDOM_BYTES)
    kept = ApiKey(
        key_id=f"k{secrets.token_hex(4)}",
        name=name,
        kind=kind,
        sha256=digest_of(text.encode()).hex(),
        scopes=tuple(sorted(set(scopes))),
        origins=tuple(dict.fromkeys(origins)),
        rate=rate,
        created_at=now,
        expires_at=expires_at,
    )
    return Minted(text, kept)
