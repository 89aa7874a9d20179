"""`regulars forget`: take people out of everything that was derived from the log, with a receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

if TYPE_CHECKING:
    from regulars.forgetting.receipt import Place, Receipt

EXAMPLES = examples(
    "regulars forget 17",
    "regulars forget 17 18 --yes --json",
    "regulars forget --pending --yes  [dim]# those who asked by the API[/dim]",
)


def run(
    users: Annotated[list[str] | None, typer.Argument(metavar="USER…", help="Their ids.")] = None,
    *,
    pending: Annotated[
        bool, typer.Option("--pending", help="Those who asked by the API, or whose erasure was not finished.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether this is meant.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Forget people for good, and print a receipt.

    Takes them out of future training, Redis, event files, models, figures by user, campaigns
    and lists, while servers run. The receipt names what was erased and where, what could not
    be done now, and what still holds them: the shop's own purchase log, and files that were
    exported. Running it again is harmless, and finishes what was stopped.
    """
    from datetime import UTC, datetime

    from regulars.forgetting.forget import forget, unfinished
    from regulars.progress import TerminalProgress
    from regulars.terminal import say, write

    settings = configuration(config, set_)
    wanted = sorted({*(users or ()), *(unfinished(settings) if pending else ())})
    if not wanted:
        if not pending:
            raise typer.BadParameter("name a user, or use --pending")
        say("Nobody waits to be forgotten.")
        return
    if not yes:
        typer.confirm(f"Forget {_named(wanted)} for good?", abort=True, err=True)
    receipt = forget(settings, wanted, now=datetime.now(UTC), progress=TerminalProgress())
    if json:
        from json import dumps

        write(dumps(receipt.to_dict(), indent=2, ensure_ascii=False))
    else:
        show(receipt)
    if not receipt.is_complete:
        raise typer.Exit(1)


def show(receipt: Receipt) -> None:
    """Print a receipt."""
    from regulars.terminal import say

    _table("erased", receipt.erased)
    _table("not done yet", receipt.pending)
    _table("still holds them", receipt.kept)
    if not receipt.erased:
        say("They were found nowhere; from now on they are kept out.")
    if not receipt.is_complete:
        say("This is not finished: run the command again.")


def _table(heading: str, places: tuple[Place, ...]) -> None:
    from regulars.terminal import RIGHT, results, table

    if places:
        rows = [(p.what, p.where, "" if p.rows is None else f"{p.rows:,}", p.note) for p in places]
        results().print(table([heading, "where", f"{RIGHT}rows", "note"], rows))


def _named(users: list[str]) -> str:
    from regulars.terminal import printable

    shown = ", ".join(printable(user) for user in users[:5])
    return shown if len(users) <= 5 else f"{shown} and {len(users) - 5} others"
