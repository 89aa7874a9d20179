"""`regulars keys`: make, list and revoke the keys of the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from regulars.commands import signing_secrets
from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

if TYPE_CHECKING:
    from serving.access.keys import ApiKey

app = typer.Typer(help="Make, list and revoke the keys of the API.", no_args_is_help=True)
app.add_typer(signing_secrets.app, name="signing-secret")


@app.callback(
    epilog=examples(
        "regulars keys create storefront --publishable --origin https://shop.example",
        "regulars keys list",
        "regulars keys revoke k1f0c93ab",
    )
)
def keys() -> None:
    """Make, list and revoke the keys of the API.

    As long as there is none, the API is open; from the first one on, requests need
    one (access.keys). Running servers follow within serving.poll_seconds.
    """


@app.command(
    epilog=examples(
        "regulars keys create storefront --publishable --origin https://shop.example",
        "regulars keys create warehouse --scope catalogue --expires 2030-01-31",
        "regulars keys create prometheus --scope operations",
        "regulars keys create app --publishable --rate 6000/minute",
    )
)
def create(
    name: Annotated[str, typer.Argument(help="What it is for; the same name again is a replacement.")],
    *,
    publishable: Annotated[bool, typer.Option("--publishable", help="May stand in pages; otherwise secret.")] = False,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="slates, events, catalogue, users or operations; slates and events unless named."),
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="Pages that may use it, such as https://shop.example; any unless named.")
    ] = None,
    rate: Annotated[str | None, typer.Option(help="Requests in one worker process, such as 600/minute.")] = None,
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day (UTC) on which it opens nothing.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
) -> None:
    """Make a key, and print it: this once, because only its hash is kept.

    To replace a key, make another, put it in place, then revoke the old one:
    until then both open.
    """
    from datetime import UTC

    from regulars.hints import hint
    from regulars.terminal import say, write
    from serving.access.keys import Kind
    from serving.access.making import make_key

    app_settings = configuration(config, set_).app
    minted = make_key(
        app_settings.data_dir,
        name,
        Kind.PUBLISHABLE if publishable else Kind.SECRET,
        scopes=tuple(scope or ("slates", "events")),
        origins=tuple(origin or ()),
        rate=rate,
        expires_at=None if expires is None else expires.replace(tzinfo=UTC),
        now=datetime.now(UTC),
    )
    write(minted.text)
    say("From now on requests need a key, and running servers ask for one within a second.")
    say(f"This is the only time this key is shown. To take it back: {hint('keys revoke')} {minted.kept.key_id}")


@app.command("list", epilog=examples("regulars keys list", "regulars keys list --all --json"))
def list_keys(
    every: Annotated[bool, typer.Option("--all", help="Revoked and expired keys too.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """List the keys, the oldest first; what is shown opens nothing."""
    from datetime import UTC

    from regulars.hints import hint
    from regulars.terminal import plain, results, say, table, write
    from serving.access.keyring import Keyring

    keyring, now = Keyring(configuration(config, set_).app.data_dir), datetime.now(UTC)
    shown = [key for key in keyring.read() if every or key.is_live(now)]
    if json:
        from json import dumps

        write(dumps([_described(key, now) for key in shown], indent=2, ensure_ascii=False))
    elif shown:
        # A few short lines to a key, so that 80 columns cut no word; only a name or an origin may be too long for that.
        drawn = table(["id, name", "kind, state", "scopes, origins, rate", "made, expires"], [])
        for column in drawn.columns:
            column.overflow = "fold"
        # The id is what `revoke` asks for: it is never cut, however narrow the terminal.
        drawn.columns[0].min_width = max(len(key.key_id) for key in shown)
        for key in shown:
            drawn.add_row(*(plain("\n".join(lines)) for lines in _cells(key, now)), end_section=True)
        results().print(drawn)
    else:
        say(f"There is no key in {keyring.path}. Make one: {hint('keys create storefront --publishable')}")


@app.command(epilog=examples("regulars keys revoke k1f0c93ab", "regulars keys revoke storefront"))
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="Its id in the list, or its name if one live key has it.")],
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
) -> None:
    """Revoke a key for good; servers refuse it within serving.poll_seconds."""
    from datetime import UTC

    from regulars.terminal import say
    from serving.access.making import revoke_key

    revoked = revoke_key(configuration(config, set_).app.data_dir, key, now=datetime.now(UTC))
    say(f"Revoked {revoked.key_id} ({revoked.name}). Servers that run follow within serving.poll_seconds.")


def _state(key: ApiKey, now: datetime) -> str:
    if key.is_live(now):
        return "live"
    return "expired" if key.revoked_at is None else "revoked"


def _described(key: ApiKey, now: datetime) -> dict[str, object]:
    return {**key.model_dump(mode="json", exclude={"sha256"}), "state": _state(key, now)}


def _cells(key: ApiKey, now: datetime) -> list[list[str]]:
    """Return the lines of each cell."""
    expires = "never" if key.expires_at is None else key.expires_at.date().isoformat()
    opens = [" ".join(key.scopes), *(key.origins or ["any origin"]), *([] if key.rate is None else [key.rate])]
    made = key.created_at.date().isoformat()
    return [[key.key_id, key.name], [key.kind.value, _state(key, now)], opens, [made, expires]]
