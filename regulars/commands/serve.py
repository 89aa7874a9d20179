"""`regulars serve`: answer storefronts over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, ConfigPath, Overrides, configuration, examples

if TYPE_CHECKING:
    from serving.settings import AppSettings

EXAMPLES = examples(
    "regulars serve",
    "regulars serve --port 0 --access-log",
    "REGULARS_REDIS_URL=redis://cache:6379/0 regulars serve --set serving.workers=4",
)


def run(
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    port: Annotated[int | None, typer.Option(help="Short for --set serving.port=…; 0 picks a free one.")] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Short for --set logs.access=true: a line per request, naming nobody.")
    ] = False,
) -> None:
    """Answer storefronts over HTTP, until Ctrl-C.

    Listens on this machine only, unless serving.host says otherwise. Without
    redis.url an embedded Valkey starts, keeps its data below the data folder, and
    stops with this process.
    """
    from threading import Thread

    from regulars.http_server import run_server, with_free_port
    from regulars.terminal import say
    from serving.fragments.shelf import Drawer
    from serving.server import store_of

    overrides = [*(set_ or ()), *([] if port is None else [f"serving.port={port}"])]
    overrides += ["logs.access=true"] if access_log else []
    settings = with_free_port(configuration(config, overrides).app)
    Drawer.of(settings.fragments.template)
    say_if_open(settings)
    with store_of(settings) as connected:
        say("Starting. Stop with Ctrl-C.")
        Thread(target=_say_when_it_answers, args=(connected,), name="say-where", daemon=True).start()
        run_server(connected)


def _say_when_it_answers(settings: AppSettings) -> None:
    """Print the address once it can be opened; a large artifact is loaded first."""
    from regulars.server_process import Server
    from regulars.terminal import say

    server = Server(settings, is_alive=lambda: True)
    server.wait_until_it_answers()
    shop = "" if settings.serving.demo_shop == "off" else f", the demo shop on {server.url}/shop"
    say(f"Serving {settings.shop_name} on {server.url}{shop}.")


def say_if_open(settings: AppSettings) -> None:
    """Warn if other machines can reach an API that asks for no key.

    Raises
    ------
    ConfigError
        If a file of keys or secrets is damaged: better no server than one that refuses everybody.
    """
    from regulars.hints import hint
    from regulars.http_server import LOOPBACK
    from regulars.terminal import say
    from serving.access.keyring import Keyring
    from serving.access.signing_secrets import SigningSecrets

    SigningSecrets(settings.data_dir).read()
    any_key = bool(Keyring(settings.data_dir).read())
    is_local = settings.serving.host in {"localhost", *LOOPBACK.values()}
    if not any_key and not is_local and settings.access.keys != "required":
        say(f"No API key was made: whoever reaches the port may use all of the API. Make one: {hint('keys create')} …")
