"""Where the HTTP server listens, and how long it lives.

`serving.server` runs it; this adds what a command line owes its user: a taken port is said to be taken, before
anything is loaded, and no process is left over. Workers are spawned, not forked: a forked one would inherit the pipe
that keeps the embedded Valkey alive, and hold it open after its parent was killed.
"""

from __future__ import annotations

import multiprocessing
import socket

from recommender.errors import ConfigError
from serving.parent import end_with_parent
from serving.settings import AppSettings

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  read, not bound to
"""Where to reach, from this machine, a server that listens everywhere."""


def run_server(settings: AppSettings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises
    ------
    StoreUnavailable
        If no Redis is named and the embedded Valkey does not start.
    """
    from serving.server import run

    multiprocessing.set_start_method("spawn", force=True)
    run(settings)


def run_beside_parent(settings_json: str) -> None:
    """Serve until the process that started this one is gone; the target of a spawned process."""
    end_with_parent()
    run_server(AppSettings.model_validate_json(settings_json))


def with_free_port(settings: AppSettings) -> AppSettings:
    """Return the settings with a port that can be listened on: theirs, or any if that is 0.

    Raises
    ------
    ConfigError
        If the port is taken, or the address is not one of this machine.
    """
    host, port = settings.serving.host, settings.serving.port
    try:
        with socket.create_server((host, port), family=_family(host), reuse_port=settings.serving.share_port) as probe:
            chosen = int(probe.getsockname()[1])
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; "
            "choose another with --set serving.port=8001, or 0 for any that is free; "
            "serving.share_port lets a second server take over from a first that has it too"
        ) from error
    serving = settings.serving.model_copy(update={"port": chosen})
    return settings.model_copy(update={"serving": serving})


def base_url(settings: AppSettings) -> str:
    """Return the address at which this machine reaches the server, without a slash at its end."""
    host = LOOPBACK.get(settings.serving.host, settings.serving.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.serving.port}"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
