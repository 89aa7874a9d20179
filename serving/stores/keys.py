"""Every key in Redis, by name. Nothing else in the project spells one.

::

    regulars:v:{version}:{user}                candidates for every stored purpose, packed (see `packed`)
    regulars:fresh:{visitor}                   list of a visitor's events since the last training, newest first
    regulars:merged:{anonymous_id}             the user a guest turned out to be
    regulars:erased                            set of users who asked to be forgotten
    regulars:{choices}                         hash: who switched personal picks off or on, and when
    regulars:{choices}:revision                counts those choices
    regulars:{published}                       hash: current, previous, and challenger:{version} for each of those
    regulars:{published}:versions              sorted set: versions that may have candidates, by when that changed last
    regulars:{published}:manifest:{version}    number of users, or who is writing it; gone while it is removed
    regulars:{published}:writer:{version}      which publisher writes it
    regulars:{published}:remover               which process removes versions
    regulars:{events}                          stream of accepted events
    regulars:{events}:seen:{event_id}          marks an event as accepted
    regulars:{events}:lease                    which process drains the stream
    regulars:{items}:revision                  counts catalogue updates
    regulars:{items}:changes                   sorted set: item by the revision that changed it last
    regulars:{items}:of:{item}                 hash of what the shop said about an item since training

In the first four lines braces stand for a value; ``{choices}``, ``{published}``, ``{events}`` and ``{items}`` stand as
written: Redis Cluster keeps keys that share such a tag on one node, and only those are touched together.
A user id comes last in its key and may hold any character. Versions hold no colon.
"""

from __future__ import annotations

PREFIX = "regulars:"

CANDIDATES = f"{PREFIX}v:"
ERASED = f"{PREFIX}erased"

CHOICES = f"{PREFIX}{{choices}}"
CHOICES_REVISION = f"{CHOICES}:revision"

POINTER = f"{PREFIX}{{published}}"
VERSIONS = f"{POINTER}:versions"
REMOVER = f"{POINTER}:remover"
CHALLENGER = "challenger:"
"""Before the names of challengers in the hash."""

STREAM = f"{PREFIX}{{events}}"
LEASE = f"{STREAM}:lease"

ITEMS = f"{PREFIX}{{items}}"
ITEMS_REVISION = f"{ITEMS}:revision"
ITEMS_CHANGES = f"{ITEMS}:changes"


def candidates(version: str, user_id: str) -> str:
    """Key of one user's candidates.

    >>> candidates("20180101-3f9c0a1b2c3d", "a:b/c")
    'regulars:v:20180101-3f9c0a1b2c3d:a:b/c'
    """
    return f"{CANDIDATES}{version}:{user_id}"


def version_of(candidates_key: str) -> str:
    """Return the version that a candidates key belongs to."""
    return candidates_key.removeprefix(CANDIDATES).partition(":")[0]


def manifest(version: str) -> str:
    """Key that exists while the candidates of `version` may not be removed."""
    return f"{POINTER}:manifest:{version}"


def writer(version: str) -> str:
    """Key of the lease of the publisher that writes `version`."""
    return f"{POINTER}:writer:{version}"


def fresh(visitor: str) -> str:
    """Key of one visitor's events since the last training (see `serving.visitors`)."""
    return f"{PREFIX}fresh:{visitor}"


def merged(anonymous_id: str) -> str:
    """Key of the user that a guest turned out to be."""
    return f"{PREFIX}merged:{anonymous_id}"


def seen(event_id: str) -> str:
    """Key that exists for a while after an event was accepted."""
    return f"{STREAM}:seen:{event_id}"


def item(item_id: str) -> str:
    """Key of what the shop said about one item."""
    return f"{ITEMS}:of:{item_id}"
