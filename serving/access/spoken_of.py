"""Finding a record by what somebody calls it, with errors that say what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from recommender.errors import ConfigError


class Named(Protocol):
    """Has a name, which others may have too."""

    @property
    def name(self) -> str:
        """The name."""
        ...


Record = TypeVar("Record", bound=Named)


def the_one(live: Sequence[Record], spoken_of: str, *, what: str, id_of: Callable[[Record], str]) -> Record:
    """Return the record with that id, or with that name if it is the only one; `what` is what messages call one.

    Raises
    ------
    ConfigError
        If there is none, or several.
    """
    found = [one for one in live if id_of(one) == spoken_of] or [one for one in live if one.name == spoken_of]
    if len(found) == 1:
        return found[0]
    if found:
        ids = listed(found, id_of=id_of)
        raise ConfigError(f"{len(found)} live {what}s have this name; name one by its id: {ids}")
    # Whoever pastes a secret by mistake does not want to see it again in a log of commands.
    raise ConfigError(f"no live {what} has this id or name (live: {listed(live, id_of=id_of) or 'none'})")


def listed(records: Sequence[Record], *, id_of: Callable[[Record], str]) -> str:
    """Return ids with names."""
    return ", ".join(f"{id_of(one)} ({one.name})" for one in records)
