"""The secrets that a shop's servers sign user tokens with: ``signing.json`` in the data folder.

A secret cannot be kept as a hash: whoever checks a signature needs what it was made with (HMAC, RFC 2104). So the
file is as secret as they are, and readable by its owner alone. A revoked one is wiped from it; that there was one is
kept.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from recommender.errors import ConfigError
from serving.access.keys import RANDOM_BYTES, Name
from serving.access.record_file import RecordFile
from serving.access.spoken_of import listed, the_one

FILE = "signing.json"
PREFIX = "ss_"
MAX_LIVE = 5
"""A token is tried with each, so that a forged one costs little."""


class SigningSecret(BaseModel):
    """One secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret_id: Annotated[str, Field(pattern=r"^s[0-9a-f]{8}$")]
    """How it is spoken of; public."""
    name: Name
    text: Annotated[str, Field(pattern=r"^ss_[A-Za-z0-9_-]{43}$")] | None = Field(default=None, repr=False)
    """What tokens are signed with, as it is written; None once it is revoked."""
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _revoked_or_live(self) -> Self:
        if (self.text is None) != (self.revoked_at is not None):
            raise ValueError("a secret has its text until it is revoked, and not after")
        return self

    @property
    def is_live(self) -> bool:
        """Whether tokens signed with it are believed."""
        return self.revoked_at is None


def _distinct(every: tuple[SigningSecret, ...]) -> tuple[SigningSecret, ...]:
    texts = [secret.text for secret in every if secret.text is not None]
    if len({secret.secret_id for secret in every}) < len(every) or len(set(texts)) < len(texts):
        raise ValueError("two secrets of this file are the same")
    return every


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    format: Literal[1] = 1
    secrets: Annotated[tuple[SigningSecret, ...], AfterValidator(_distinct)]


class SigningSecrets(RecordFile[SigningSecret]):
    """The secrets of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        remedy = "restore it from a backup, or move it away and make new secrets"
        super().__init__(data_dir / FILE, _Content, field="secrets", remedy=remedy)

    def make(self, name: str, *, now: datetime) -> SigningSecret:
        """Make a secret and keep it.

        Raises
        ------
        ConfigError
            If there are too many already, or the file is damaged.
        OSError
            If the file cannot be written.
        """
        made = SigningSecret(
            secret_id=f"s{secrets.token_hex(4)}",
            name=name,
            text=PREFIX + secrets.token_urlsafe(RANDOM_BYTES),
            created_at=now,
        )

        def edit(every: tuple[SigningSecret, ...]) -> tuple[SigningSecret, ...]:
            live = _live(every)
            if len(live) >= MAX_LIVE:
                ids = listed(live, id_of=_id_of)
                raise ConfigError(f"there are {len(live)} live secrets, the most there may be; revoke one: {ids}")
            return (*every, made)

        self.change(edit)
        return made

    def revoke(self, spoken_of: str, *, now: datetime) -> SigningSecret:
        """Wipe the live secret with that id, or that name if it is the only one; return what is left of it.

        Raises
        ------
        ConfigError
            If there is none, or several.
        OSError
            If the file cannot be written.
        """

        def meant(every: tuple[SigningSecret, ...]) -> SigningSecret:
            return the_one(_live(every), spoken_of, what="secret", id_of=_id_of)

        return self.change_one(meant, lambda secret: secret.model_copy(update={"revoked_at": now, "text": None}))


def _live(every: tuple[SigningSecret, ...]) -> list[SigningSecret]:
    return [secret for secret in every if secret.is_live]


def _id_of(secret: SigningSecret) -> str:
    return secret.secret_id
