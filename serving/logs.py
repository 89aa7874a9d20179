"""Where the lines go that the server writes about itself: to standard error, one format, from INFO on.

::

    2026-11-22T05:26:10Z WARNING serving.stores.presence: Redis at unix:///data/valkey.sock is away: …

granian has loggers of its own and writes its lines itself; the root logger is left alone, so nothing is written twice.
"""

from __future__ import annotations

import logging
import time
from typing import TextIO

LOGGER = "serving"
"""Every module of this package logs below it."""


def to_standard_error() -> None:
    """Write what this package logs to standard error; asking twice changes nothing."""
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.INFO)
    if any(isinstance(handler, _StandardError) for handler in logger.handlers):
        return
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = _StandardError()
    handler.setFormatter(formatter)
    logger.addHandler(handler)


class _StandardError(logging.StreamHandler[TextIO]):
    """A type of its own, to be recognised by."""
