"""`regulars demo`: everything once, on a real year of purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, ConfigPath, Overrides, configuration, examples

if TYPE_CHECKING:
    from rich.console import Console

    from regulars.demo import Prepared
    from regulars.server_process import Server

EXAMPLES = examples("regulars demo", "regulars demo --exit  [dim]# stop when it has answered once[/dim]")

LIMIT = 5


def run(
    exit_: Annotated[
        bool, typer.Option("--exit", help="Stop after one answer over HTTP instead of staying up.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Short for --set serving.port=…; 0 picks a free one.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
) -> None:
    """Learn from a real purchase log, show what came of it, and open a demo shop.

    Trains (or reuses what is trained), prints the figures beside the baselines,
    publishes, writes a mailing file, shows three households with what they
    bought, what they are offered and why, and serves API and shop on this machine
    until Ctrl-C.
    """
    from contextlib import ExitStack
    from dataclasses import replace

    from regulars.demo import prepare, step_table, with_demo_shop
    from regulars.http_server import with_free_port
    from regulars.progress import TerminalProgress
    from regulars.server_process import leaving_in_order, serving
    from regulars.terminal import results
    from serving.server import store_of
    from training.steps import MeasuredProgress

    overrides = [*(set_ or ()), *([] if port is None else [f"serving.port={port}"])]
    settings = configuration(config, overrides)
    out, progress = results(), MeasuredProgress(TerminalProgress())
    with leaving_in_order(), ExitStack() as stack:
        app = stack.enter_context(store_of(with_free_port(with_demo_shop(settings.app))))
        prepared = prepare(replace(settings, app=app), progress, out)
        with progress.step("start the server"):
            server = stack.enter_context(serving(with_free_port(app)))
        out.print(step_table(progress.records, prepared.trained))
        ask(server, prepared, out)
        say_where(server, prepared, out)
        if not exit_:
            out.print("Stop with Ctrl-C.")
            server.wait()


def ask(server: Server, prepared: Prepared, out: Console) -> None:
    """Fetch one slate from the running server, as a storefront would, and print it.

    Raises
    ------
    RecommenderError
        If the answer is not a slate.
    """
    import json
    from http import HTTPStatus

    from recommender.errors import RecommenderError
    from regulars.terminal import printable

    if not prepared.households:
        return
    user_id = prepared.households[0].user_id
    path = server.recommendations_path(user_id, limit=LIMIT)
    status, slate = server.get(path)
    if status == HTTPStatus.UNAUTHORIZED:
        out.print("\nAPI keys were made here, so requests need one, and the demo shop is shut.\n", soft_wrap=True)
        return
    if status != 200 or not slate["items"]:
        raise RecommenderError(f"{server.url}{path} answered {status}: {slate}")
    out.print(f"\n[bold]GET[/bold] {path}", soft_wrap=True)
    out.out(printable(json.dumps(slate | {"items": slate["items"][:1]}, indent=2, ensure_ascii=False)))
    out.print(f"[dim]… and {len(slate['items']) - 1} more items[/dim]\n")


def say_where(server: Server, prepared: Prepared, out: Console) -> None:
    """Print the addresses."""
    from rich.table import Table

    from regulars.terminal import plain

    places = Table.grid(padding=(0, 2))
    for what, where in (
        ("demo shop", f"{server.url}/shop"),
        ("version", _served(prepared)),
        ("API", f"{server.url}/openapi.json"),
        ("report", prepared.report),
        ("mailing file", prepared.mailing / "recipients.csv"),
    ):
        places.add_row(plain(what, style="bold"), plain(where))
    out.print(places)


def _served(prepared: Prepared) -> str:
    trained = prepared.trained.version
    aside = "" if prepared.served == trained else f", because the gate refused {trained}; see above"
    return prepared.served + aside
