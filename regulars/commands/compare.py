"""`regulars compare`: is one version better than another, for whom, and what would customers notice?"""

from __future__ import annotations

from typing import Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

EXAMPLES = examples(
    "regulars compare",
    "regulars compare 20180101-3f9c0a1b2c3d 20180101-b17e55a0f00d",
    "regulars compare --report  [dim]# a page, with drawings[/dim]",
    "regulars compare --users 500 --json",
)


def run(
    a: Annotated[str | None, typer.Argument(help="The version before; without it, the one that is served.")] = None,
    b: Annotated[str | None, typer.Argument(help="The version after; without it, the one trained last.")] = None,
    *,
    users: Annotated[int, typer.Option("--users", min=0, help="Users whose shelves are compared; 0 for none.")] = 2000,
    report: Annotated[bool, typer.Option("--report", help="Write an HTML page and print where it is.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Compare two versions: B minus A, user by user.

    Figures with intervals for everybody, by customer value, for new and for warm
    users, and for bestsellers and rarely bought items; how many home shelves
    change, and which items rise and fall; and what was trained differently. If
    the two were not measured on the same purchases, nothing is subtracted.
    """
    from regulars.comparison_view import comparison_view
    from regulars.progress import TerminalProgress
    from regulars.terminal import results, say, write
    from regulars.trained import before_and_after, compared, registry_of

    settings = configuration(config, set_)
    versions = before_and_after(registry_of(settings), a, b)
    progress = TerminalProgress()
    comparison = compared(settings, versions, users=users, progress=progress)
    if json:
        from json import dumps

        write(dumps(comparison.to_dict(), indent=2, ensure_ascii=False))
    elif not report:
        results().print(comparison_view(comparison))
    if report:
        from training.pipeline import reports_folder
        from training.report.comparison import write_comparison

        with progress.step("page"):
            page = write_comparison(comparison, reports_folder(settings.training), shop=settings.training.shop.name)
        say("Open it in a browser:")
        if json:
            say(str(page))
        else:
            write(str(page))
