"""`regulars export-user`: what is known about one person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, ConfigPath, Overrides, configuration, examples

EXAMPLES = examples("regulars export-user 17", "regulars export-user 17 --out person.json")


def run(
    user: Annotated[str, typer.Argument(help="The user's id.")],
    out: Annotated[Path | None, typer.Option(help="File to write; without it, standard output.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
) -> None:
    """Write what is known about a person as JSON, for who asks what the shop knows of them.

    Their past and segment, what is expected of them, their events and those of the guests
    they were, what they are offered and why, what each mailing had for them, their group
    of an experiment, and what they chose. docs/privacy.md describes the fields. Records of
    mailings that cannot be read are named, and the exit code is 1 then.
    """
    from datetime import UTC, datetime
    from json import dumps

    from regulars.exporting_user import export_user
    from regulars.terminal import say, write
    from serving.campaigns.files import written_whole

    found = export_user(configuration(config, set_), user, now=datetime.now(UTC))
    text = dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
    if out is None:
        write(text)
    else:
        with written_whole(out) as file:
            file.write(text.encode() + b"\n")
        out.chmod(0o600)
        say(f"Wrote {out}, which only you can read.")
    if unreadable := found["unreadable"]:
        for damaged in unreadable:
            say(f"Not included: {damaged['why']}")
        raise typer.Exit(1)
