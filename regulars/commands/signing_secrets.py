"""`regulars keys signing-secret`: make, list and revoke what a shop's servers sign user tokens with."""

from __future__ import annotations

from typing import Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

app = typer.Typer(help="Make, list and revoke secrets to sign user tokens with.", no_args_is_help=True)


@app.callback(
    epilog=examples(
        "regulars keys signing-secret create shop",
        "regulars keys signing-secret list",
        "regulars keys signing-secret revoke s1f0c93ab",
    )
)
def signing_secret() -> None:
    """Make, list and revoke secrets to sign user tokens with.

    A page that asks with a publishable key shows by a signed token who its visitor
    is; without one it is answered as a guest's.
    """


@app.command(epilog=examples("regulars keys signing-secret create shop"))
def create(
    name: Annotated[str, typer.Argument(help="Who signs with it; the same name again is a replacement.")],
    *,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
) -> None:
    """Make a secret, and print it; give it to the servers that sign, and to nobody else.

    To replace a secret, make another, let all servers sign with it, then revoke the
    old one: until then tokens of both are believed.
    """
    from datetime import UTC, datetime

    from pydantic import ValidationError

    from recommender.errors import ConfigError
    from regulars.hints import hint
    from regulars.terminal import say, write
    from serving.access.signing_secrets import SigningSecrets
    from serving.problems import plain

    secrets = SigningSecrets(configuration(config, set_).app.data_dir)
    try:
        made = secrets.make(name, now=datetime.now(UTC))
    except ValidationError as error:
        raise ConfigError(f"name: {plain(error.errors(include_url=False)[0]['msg'])}") from None
    write(made.text or "")
    say("Running servers believe tokens that are signed with it within serving.poll_seconds.")
    say(f"To take it back: {hint('keys signing-secret revoke')} {made.secret_id}")


@app.command("list", epilog=examples("regulars keys signing-secret list", "regulars keys signing-secret list --all"))
def list_secrets(
    every: Annotated[bool, typer.Option("--all", help="Revoked ones too.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """List the secrets, the oldest first, without what is secret about them."""
    from regulars.hints import hint
    from regulars.terminal import results, say, table, write
    from serving.access.signing_secrets import SigningSecrets

    secrets = SigningSecrets(configuration(config, set_).app.data_dir)
    shown = [secret for secret in secrets.read() if every or secret.is_live]
    if json:
        from json import dumps

        rows = [one.model_dump(mode="json", exclude={"text"}, exclude_none=True) for one in shown]
        write(dumps(rows, indent=2, ensure_ascii=False))
    elif shown:
        cells = [
            [one.secret_id, one.name, "live" if one.is_live else "revoked", one.created_at.date().isoformat()]
            for one in shown
        ]
        results().print(table(["id", "name", "state", "made"], cells))
    else:
        say(f"There is no signing secret in {secrets.path}. Make one: {hint('keys signing-secret create shop')}")


@app.command(epilog=examples("regulars keys signing-secret revoke s1f0c93ab"))
def revoke(
    secret: Annotated[str, typer.Argument(metavar="ID", help="Its id in the list, or its name if one live has it.")],
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
) -> None:
    """Wipe a secret: tokens signed with it are not believed any more, and their pages are answered as guests'."""
    from datetime import UTC, datetime

    from regulars.terminal import say
    from serving.access.signing_secrets import SigningSecrets

    secrets = SigningSecrets(configuration(config, set_).app.data_dir)
    revoked = secrets.revoke(secret, now=datetime.now(UTC))
    say(f"Revoked {revoked.secret_id} ({revoked.name}). Servers that run follow within serving.poll_seconds.")
