"""Steps that Ctrl-C may follow, but not cut in two.

A thread that is being started is nobody's until its starter knows of it: who is stopped in between waits for it for
ever. Such a step takes milliseconds, and what was pressed meanwhile counts when it is done.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back until the block has ended; only the main thread ever gets it."""
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    held = False

    def hold(*_: object) -> None:
        nonlocal held
        held = True

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)
