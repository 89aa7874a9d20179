"""Running the application: an embedded Valkey if no Redis is named, and granian's workers in front.

::

    run(settings)                   # until SIGTERM or Ctrl-C
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels

from serving import logs, tracing
from serving.app import SETTINGS_VARIABLE
from serving.metrics import MULTIPROCESS_VARIABLE
from serving.metrics_folder import metrics_folder
from serving.settings import AppSettings
from serving.stores import embedded

STOP_SECONDS = 30
"""How long a worker may take to move its last events into files."""

HEADER_BYTES = 131_072
"""Address and headers of a request together; an address may have half of it. A power of two: the HTTP server's buffer
grows in those, and what fits into it is let through (https://github.com/hyperium/hyper/issues/4081)."""
HEADER_MILLISECONDS = 10_000
"""For them to arrive."""
STREAMS = 100
"""Requests under way on one connection of HTTP/2: as few as clients may expect (RFC 9113, 6.5.2)."""


def run(settings: AppSettings) -> None:
    """Serve until told to stop.

    Raises
    ------
    MissingExtra
        If traces are wanted and opentelemetry is not installed.
    StoreUnavailable
        If the embedded Valkey does not start.
    """
    tracing.require(settings.otel)
    logs.to_standard_error(settings.logs)
    with store_of(settings) as connected, _environment(connected):
        Granian(
            "serving.app:from_environment",
            factory=True,
            address=settings.serving.host,
            port=settings.serving.port,
            interface=Interfaces.ASGI,
            workers=settings.serving.workers,
            websockets=False,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_SECONDS,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=HEADER_BYTES),
            http2_settings=HTTP2Settings(max_headers_size=HEADER_BYTES, max_concurrent_streams=STREAMS),
            log_level=LogLevels.error if settings.logs.level == "error" else LogLevels.warning,
            log_dictconfig=logs.for_granian(settings.logs),
        ).serve()


@contextlib.contextmanager
def store_of(settings: AppSettings) -> Iterator[AppSettings]:
    """Yield the settings with an address of a store that answers: the one they name, or an embedded one's."""
    if settings.redis.url is not None:
        yield settings
        return
    with embedded.running(settings.data_dir) as url:
        yield settings.model_copy(update={"redis": settings.redis.model_copy(update={"url": url})})


@contextlib.contextmanager
def _environment(settings: AppSettings) -> Iterator[None]:
    """Let the workers find their settings, and one folder for all their metrics if there are several."""
    absolute = settings.model_copy(update={"data_dir": settings.data_dir.resolve()})
    os.environ[SETTINGS_VARIABLE] = absolute.model_dump_json()
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(os.environ.pop, SETTINGS_VARIABLE, None)
        if settings.serving.workers > 1 and MULTIPROCESS_VARIABLE not in os.environ:
            os.environ[MULTIPROCESS_VARIABLE] = str(cleanup.enter_context(metrics_folder()))
            cleanup.callback(os.environ.pop, MULTIPROCESS_VARIABLE, None)
        yield
