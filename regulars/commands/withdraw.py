"""`regulars withdraw`: serve a challenger to nobody any more."""

from __future__ import annotations

from typing import Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, ConfigPath, Overrides, configuration, examples

EXAMPLES = examples("regulars withdraw 20180101-3f9c0a1b2c3d")


def run(
    version: Annotated[str, typer.Argument(help="The version.")],
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
) -> None:
    """Stop serving a version to the variants that name it.

    Within a second its variants get the version that everybody else gets, whatever
    the configuration says; half a minute later its candidates are removed.
    """
    from recommender.errors import UnknownVersion
    from regulars.publishing import challengers, withdraw
    from regulars.terminal import plain, results

    settings = configuration(config, set_)
    if not withdraw(settings, version):
        known = ", ".join(sorted(challengers(settings))) or "none"
        raise UnknownVersion(f"{version[:80]!r} is no challenger; there are: {known}")
    results().print(plain(f"{version} is served to nobody as a challenger any more."), soft_wrap=True)
