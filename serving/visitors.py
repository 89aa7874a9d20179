"""Who a question or an event is about: a user, or a guest whom only their browser's `anonymous_id` tells apart.

A guest's fresh events live beside those of users, under a name that no user can have: ids hold no control character.
"""

from __future__ import annotations

GUEST = "\x1f"
"""Begins the name of a guest."""


def visitor(user_id: str | None, anonymous_id: str | None) -> str | None:
    r"""Return the name under which a visitor's events are kept; None if nobody is named.

    >>> visitor("17", "b-4"), visitor(None, "b-4"), visitor(None, None)
    ('17', '\x1fb-4', None)
    """
    if user_id is not None or anonymous_id is None:
        return user_id
    return GUEST + anonymous_id


def anonymous_id_of(name: str) -> str | None:
    """Return the anonymous id of a guest's name; None for a user's."""
    return name[1:] if name.startswith(GUEST) else None
