"""`regulars report`: the page a person reads before publishing."""

from __future__ import annotations

from typing import Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, ConfigPath, Overrides, configuration, examples

EXAMPLES = examples("regulars report", "regulars report 20180101-3f9c0a1b2c3d")


def run(
    version: Annotated[str | None, typer.Argument(help="The version; without it, the one trained last.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
) -> None:
    """Write the report and the model card of a version, and print where the report is.

    One HTML file that needs no network: the figures beside the baselines, for
    whom the model is better, what the log looks like, what was left out, what
    each step cost, and how it compares with the published version. The model
    card, a page of Markdown with the same name, lies beside it. What is newer than
    its figures and than this program is left as it is.
    """
    from regulars.progress import TerminalProgress
    from regulars.terminal import say, write
    from regulars.trained import chosen, manifest_of, record_of, registry_of
    from training.measured import find_measured
    from training.pipeline import reports_folder
    from training.report import current_page, write_report
    from training.report.card import write_card

    settings = configuration(config, set_)
    version = chosen(registry_of(settings), version)
    folder = reports_folder(settings.training)
    page = current_page(version, folder)
    if page is None:
        with TerminalProgress().step("report"):
            record = record_of(settings, version)
            write_card(record, manifest_of(settings, version), find_measured(version, folder).outcomes, folder)
            page = write_report(record, folder)
    say("Open it in a browser:")
    write(str(page))
