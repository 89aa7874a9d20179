"""`regulars rollback`: serve the version before the current one again."""

from __future__ import annotations

from regulars.commands.options import DEFAULT_CONFIG, ConfigPath, Overrides, configuration, examples

EXAMPLES = examples("regulars rollback")


def run(config: ConfigPath = DEFAULT_CONFIG, set_: Overrides = None) -> None:
    """Serve the version before the current one again.

    Takes effect at once while its candidates are kept (redis.keep_days); after
    that they are computed again first. Rolling back twice goes back two versions.
    """
    from regulars.progress import TerminalProgress
    from regulars.publishing import rollback
    from regulars.terminal import plain, results

    version = rollback(configuration(config, set_), progress=TerminalProgress())
    results().print(plain(f"{version} is served again."), soft_wrap=True)
