"""`regulars personalization`: switch a user's personal picks off or on."""

from __future__ import annotations

from typing import Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

EXAMPLES = examples(
    "regulars personalization 17",
    "regulars personalization 17 --off",
    "regulars personalization 17 --on --json",
)


def run(
    user: Annotated[str, typer.Argument(help="The user's id.")],
    on: Annotated[bool | None, typer.Option("--on/--off", help="Without either, say what the user chose.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Switch a user's personal picks off or on, on the site and in mails.

    Who switched them off is shown what guests are shown, less what they do not want.
    Servers that run follow with the next request. What the user does is kept as before.
    """
    from regulars.personalizing import personalization
    from regulars.terminal import say, write

    found = personalization(configuration(config, set_).app, user, on=on)
    if json:
        from dataclasses import asdict
        from json import dumps

        write(dumps(asdict(found), ensure_ascii=False))
        return
    say(f"Personal picks are {'on' if found.on else 'off'} for {user}.")
    if not found.shared:
        say("The store is away. Servers of this machine know it already, others as soon as the store is back.")
