"""`regulars evaluate`: how good a version is."""

from __future__ import annotations

from typing import Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

EXAMPLES = examples("regulars evaluate", "regulars evaluate 20180101-3f9c0a1b2c3d --json")


def run(
    version: Annotated[str | None, typer.Argument(help="The version; without it, the one trained last.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Show how well a version predicted what users bought next, beside its baselines.

    The figures were measured when it was trained, on the last weeks of the log,
    which it had not seen. All items and items new to the user are measured apart:
    on a purchase log "buy it again" dominates.
    """
    from recommender.errors import InvalidArtifact
    from regulars.evaluation_view import evaluation_view
    from regulars.terminal import results, write
    from regulars.trained import chosen, record_of, registry_of

    settings = configuration(config, set_)
    version = chosen(registry_of(settings), version)
    record = record_of(settings, version)
    evaluation = record.evaluation
    if evaluation is None:
        raise InvalidArtifact(f"{version} was never measured: {record.why_unmeasured}")
    if json:
        from json import dumps

        write(dumps({"version": version, **evaluation.to_dict()}, indent=2))
    else:
        results().print(f"[bold]Version {version}[/bold]\n", evaluation_view(evaluation))
