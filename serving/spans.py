"""Marking pieces of work that may be traced, without knowing who traces them.

::

    with spans.span("compute slate"):
        …

Nobody listens unless `serving.tracing` was told to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

Begin = Callable[[str, bool], AbstractContextManager[object]]
"""Begins a span of a name, only within another one or also by itself."""

_NOTHING: AbstractContextManager[object] = contextlib.nullcontext()
_listeners: list[Begin] = []


def span(name: str, *, within: bool = False) -> AbstractContextManager[object]:
    """Return a context in which a piece of work is done; `within`: of interest only as a part of another one."""
    return _listeners[-1](name, within) if _listeners else _NOTHING


@contextlib.contextmanager
def heard_by(begin: Begin) -> Iterator[None]:
    """Let somebody listen for a while."""
    _listeners.append(begin)
    try:
        yield
    finally:
        _listeners.remove(begin)
