"""`regulars traffic`: what shelves showed, were clicked for, and sold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

EXAMPLES = examples(
    "regulars traffic",
    "regulars traffic --since 2026-03-01 --until 2026-03-31 --by position",
    "regulars traffic --by day --page  [dim]# with drawings[/dim]",
    "regulars traffic --json",
)

Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="First day, UTC.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Last day, UTC.")]
WithLog = Annotated[
    bool, typer.Option("--log/--no-log", help="Whether orders of the purchase log count, beside reported ones.")
]
AsPage = Annotated[bool, typer.Option("--page", help="Write an HTML page and print where it is.")]


def run(
    *,
    since: Since = None,
    until: Until = None,
    by: Annotated[str, typer.Option(help="placement, position, day or trace.")] = "placement",
    log: WithLog = True,
    page: AsPage = False,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Show traffic and revenue of the shelves, by placement, position or day.

    Reads the event files of the data folder and the purchase log. An order belongs
    to the shelf that was clicked, or else seen, last before it, within the days of
    [attribution]; returns are taken off. What a shelf causes, only an experiment
    can tell: see regulars experiments.
    """
    from regulars.progress import TerminalProgress
    from regulars.terminal import results, write
    from regulars.traffic_view import require_view, traffic_view
    from training.inputs import erased_users
    from training.traffic.tables import traffic_report

    require_view(by)
    settings = configuration(config, set_).training
    progress = TerminalProgress()
    report = traffic_report(
        settings,
        since=None if since is None else since.date(),
        until=None if until is None else until.date(),
        with_log=log,
        erased=erased_users(settings),
        progress=progress,
    )
    if json:
        from json import dumps

        write(dumps(report.to_dict(), indent=2, ensure_ascii=False))
    elif not page:
        results().print(traffic_view(report, by=by))
    if page:
        from regulars.pages import announce
        from training.pipeline import reports_folder
        from training.report.traffic import write_traffic

        with progress.step("page"):
            path = write_traffic(report, reports_folder(settings))
        announce(path, beside_json=json)
