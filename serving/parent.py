"""A process that does not outlive the one that started it, however that one ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


def end_with_parent() -> None:
    """Stop this process, gracefully, once its parent is gone; nothing happens in a process that nobody spawned."""
    if multiprocessing.parent_process() is not None:
        threading.Thread(target=_wait_and_stop, name="parent-watch", daemon=True).start()


def _wait_and_stop() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
