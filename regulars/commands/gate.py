"""`regulars gate`: may this version be published?"""

from __future__ import annotations

from typing import Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

EXAMPLES = examples(
    "regulars gate",
    "regulars gate 20180101-3f9c0a1b2c3d --json",
    "regulars gate --set gate.max_regression=0.01",
)


def run(
    version: Annotated[str | None, typer.Argument(help="The version; without it, the one trained last.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Say whether a version may be published, rule by rule, with figures.

    It must beat its baselines, must not be clearly worse than the version that
    is served, and must not lose among the best fifth of customers. Exit code 0
    if every rule holds, 3 if one does not. Nothing is changed; regulars publish
    asks the same before it does anything.
    """
    from regulars.gate_view import gate_view
    from regulars.progress import TerminalProgress
    from regulars.terminal import results, write
    from regulars.trained import chosen, gate_verdicts, registry_of
    from training.gate import refuse_failures

    settings = configuration(config, set_)
    registry = registry_of(settings)
    version = chosen(registry, version)
    with TerminalProgress().step("gate"):
        verdicts = gate_verdicts(settings, version)
    if json:
        import dataclasses
        from json import dumps

        passed = all(verdict.passed for verdict in verdicts)
        rows = [dataclasses.asdict(verdict) for verdict in verdicts]
        content = {"version": version, "served": registry.current(), "passed": passed, "verdicts": rows}
        write(dumps(content, indent=2, ensure_ascii=False))
    else:
        results().print(gate_view(version, verdicts))
    refuse_failures(version, verdicts)
