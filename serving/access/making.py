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
    revoked: list[ApiKey] = []

    def edit(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        meant = _the_one(keys, spoken_of, now)
        revoked.append(meant.model_copy(update={"revoked_at": now}))
        return tuple(revoked[0] if key is meant else key for key in keys)

    Keyring(data_dir).change(edit)
    return revoked[0]


def _the_one(keys: Sequence[ApiKey], spoken_of: str, now: datetime) -> ApiKey:
    live = [key for key in keys if key.is_live(now)]
    found = [key for key in live if key.key_id == spoken_of] or [key for key in live if key.name == spoken_of]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f"{len(found)} live keys have this name; name one by its id: {_ids(found)}")
    # Whoever pastes a key by mistake does not want to see it again in a log of commands.
    raise ConfigError(f"no live key has this id or name (live: {_ids(live) or 'none'})")


def _ids(keys: Sequence[ApiKey]) -> str:
    return ", ".join(f"{key.key_id} ({key.name})" for key in keys)
