"""`regulars experiments`: which run, who is in which group, and what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples
from regulars.commands.traffic import AsPage, Since, Until, WithLog

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from regulars.config import Config
    from serving.experiment_settings import VariantChanges

HORIZON_DAYS = 28.0
"""Four whole weeks, since people shop by the week."""

app = typer.Typer(help="List experiments, say who is in which group, or compare groups.", no_args_is_help=True)


@app.command("list", epilog=examples("regulars experiments list", "regulars experiments list --json"))
def list_experiments(config: ConfigPath = DEFAULT_CONFIG, set_: Overrides = None, json: AsJson = False) -> None:
    """List the configured experiments with their groups and what each changes."""
    from regulars.terminal import RIGHT, results, say, table, write

    rows = list(_groups(configuration(config, set_)))
    if json:
        from json import dumps

        write(dumps(rows, indent=2, ensure_ascii=False))
    elif rows:
        cells = [
            (row["experiment"], row["group"], f"{row['share']:.1%}", row["since"] or "", row["gets"]) for row in rows
        ]
        results().print(table(["experiment", "group", f"{RIGHT}share", "since", "gets"], cells))
    else:
        say("No experiment is configured. To begin one, write [experiments.<name>] (see docs/experiments.md).")


@app.command(epilog=examples("regulars experiments group 17", "regulars experiments group 17 --json"))
def group(
    user: Annotated[str, typer.Argument(help="The user's id.")],
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Say which group a user is in; nothing is looked up, it follows from the id."""
    from regulars.terminal import say, write
    from serving.experiment_settings import allocation_of

    found = allocation_of(configuration(config, set_).app.experiments).of(user)
    if json:
        from json import dumps

        write(dumps(None if found is None else {"experiment": found.experiment, "variant": found.variant}))
    elif found is None:
        say(f"{user} is in no experiment.")
    else:
        write(f"{found.experiment}: {found.variant}")


@app.command(
    epilog=examples(
        "regulars experiments report holdout",
        "regulars experiments report holdout --since 2026-03-01 --until 2026-04-30",
        "regulars experiments report holdout --horizon 56 --page  [dim]# with drawings[/dim]",
        "regulars experiments report holdout --json",
    )
)
def report(
    name: Annotated[str, typer.Argument(help="The experiment.")],
    *,
    since: Since = None,
    until: Until = None,
    horizon: Annotated[float, typer.Option(metavar="DAYS", help="How long to wait for an order.")] = HORIZON_DAYS,
    entry: Annotated[
        str, typer.Option(help="What makes a user part of it: shelf (being shown one) or any (any event).")
    ] = "shelf",
    log: WithLog = True,
    page: AsPage = False,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Compare the groups of an experiment, with intervals and a check of their sizes.

    Reads the event files of the data folder and the purchase log. Decide before
    the start how long it shall run, and look at differences then: looking every
    day and stopping at the first good one finds differences that are not there.
    """
    from regulars.progress import TerminalProgress
    from regulars.trial_view import entry_of, show_trial
    from serving.experiment_settings import allocation_of
    from training.inputs import erased_users
    from training.pipeline import reports_folder
    from training.traffic.trials import Asked, trial_report

    settings = configuration(config, set_)
    known = settings.app.experiments.get(name)
    first = since.date() if since is not None else None if known is None else known.since
    asked = Asked(
        name=name,
        since=first,
        until=None if until is None else until.date(),
        horizon_days=horizon,
        entry=entry_of(entry),
        with_log=log,
    )
    progress = TerminalProgress()
    allocation, erased = allocation_of(settings.app.experiments), erased_users(settings.training)
    found = trial_report(settings.training, allocation, asked, erased=erased, progress=progress)
    show_trial(found, reports_folder(settings.training), page=page, json=json, progress=progress)


def _groups(config: Config) -> list[dict[str, str | float | None]]:
    """Return a row per group."""
    from regulars.trained import registry_of

    registry = registry_of(config)
    kept, served = registry.challengers(), registry.current()
    return [
        {
            "experiment": name,
            "group": group,
            "share": share,
            "since": None if settings.since is None else settings.since.isoformat(),
            "gets": _gets(settings.changes_of(group), kept, served),
        }
        for name, settings in config.app.experiments.items()
        for group, share in settings.experiment(name).groups
    ]


def _gets(changes: VariantChanges, kept: AbstractSet[str], served: str | None) -> str:
    is_served = changes.version is not None and changes.version == served
    missing = changes.version is not None and not is_served and changes.version not in kept
    note = " (the served one)" * is_served + " (it is no challenger: the served one instead)" * missing
    return changes.in_words() + note
