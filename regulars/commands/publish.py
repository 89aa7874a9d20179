"""`regulars publish`: make a version the one that is served."""

from __future__ import annotations

from typing import Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, ConfigPath, Overrides, configuration, examples

EXAMPLES = examples(
    "regulars publish",
    "regulars publish 20180101-3f9c0a1b2c3d",
    "regulars publish --workers 2  [dim]# leave the other cores alone[/dim]",
    "regulars publish --force  [dim]# whatever the gate says[/dim]",
    "regulars publish 20180101-3f9c0a1b2c3d --challenger  [dim]# beside the served one[/dim]",
)


def run(
    version: Annotated[str | None, typer.Argument(help="The version; without it, the one trained last.")] = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Publish it whatever the gate says, and again if it is served.")
    ] = False,
    challenger: Annotated[
        bool, typer.Option("--challenger", help="Serve it only to the variants of experiments that name it.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that score the users; without it, one per core.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
) -> None:
    """Make a version the one that is served, if it passes the gate.

    The gate compares it with popularity, with what users bought before and with the version
    that is served, by the rules of the section gate; a version that fails is refused with exit
    code 3. Storefronts see the old version until every user has candidates of the new one, and
    then the new one. The old one is kept for a rollback. What is served already is left alone.

    A challenger is published beside the served version, and stays until it is withdrawn.
    """
    from regulars.progress import TerminalProgress
    from regulars.publishing import challenge, is_served, publish
    from regulars.terminal import plain, results
    from regulars.trained import chosen, registry_of

    settings = configuration(config, set_)
    version = chosen(registry_of(settings), version)
    progress = TerminalProgress()
    if challenger:
        users = challenge(settings, version, progress=progress, force=force, workers=workers).users
        said = f"{version} is there for {users:,} users, where a variant names it."
    elif not force and is_served(settings, version):
        said = f"{version} is served already: nothing to do."
    else:
        done = publish(settings, version, progress=progress, force=force, workers=workers)
        instead = f", in place of {done.previous}" if done.previous else ""
        said = f"{done.version} is served to {done.users:,} users{instead}."
    results().print(plain(said), soft_wrap=True)
