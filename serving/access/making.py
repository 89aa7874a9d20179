"""What `regulars keys` does to the file of keys, with errors that say what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from recommender.errors import ConfigError
from serving.access.keyring import Keyring
from serving.access.keys import ApiKey, Kind, Minted, mint
from serving.access.scopes import Scope
from serving.access.spoken_of import the_one
from serving.problems import plain


def make_key(
    data_dir: Path,
    name: str,
    kind: Kind,
    *,
    now: datetime,
    scopes: Sequence[str],
    origins: Sequence[str] = (),
    rate: str | None = None,
    expires_at: datetime | None = None,
) -> Minted:
    """Make a key and keep its hash.

    Raises
    ------
    ConfigError
        If something about it is wrong, or the file is damaged.
    OSError
        If the file cannot be written.
    """
    known = {scope.value: scope for scope in Scope}
    if strangers := [scope for scope in scopes if scope not in known]:
        raise ConfigError(f"{strangers[0]!r} is no scope; there are {', '.join(known)}")
    if expires_at is not None and expires_at <= now:
        raise ConfigError(f"--expires {expires_at.date()} is not in the future: the key would never open anything")
    try:
        minted = mint(
            name,
            kind,
            now=now,
            scopes=tuple(known[scope] for scope in scopes),
            origins=tuple(origins),
            rate=rate,
            expires_at=expires_at,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = f"{first['loc'][0]}: " if first["loc"] else ""
        raise ConfigError(f"{where}{plain(first['msg'])}") from None
    Keyring(data_dir).change(lambda keys: (*keys, minted.kept))
    return minted


def revoke_key(data_dir: Path, spoken_of: str, *, now: datetime) -> ApiKey:
    """Revoke the live key with that id, or that name if it is the only one; return it.

    Raises
    ------
    ConfigError
        If there is none, or several.
    OSError
        If the file cannot be written.
    """

    def meant(keys: tuple[ApiKey, ...]) -> ApiKey:
        live = [key for key in keys if key.is_live(now)]
        return the_one(live, spoken_of, what="key", id_of=lambda key: key.key_id)

    return Keyring(data_dir).change_one(meant, lambda key: key.model_copy(update={"revoked_at": now}))
