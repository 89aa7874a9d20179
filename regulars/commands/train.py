"""`regulars train`: from the purchase log to a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.commands.options import DEFAULT_CONFIG, ConfigPath, Overrides, configuration, examples

if TYPE_CHECKING:
    from training.cleaning import CleaningReport
    from training.pipeline import TrainResult

MOST_REASONS = 3
"""Reasons named in the terminal; the report names all."""

EXAMPLES = examples(
    "regulars train",
    "regulars train --set als.factors=128 --set als.seed=7",
    "REGULARS_ALS_FACTORS=128 regulars train --config shop.toml",
)


def run(config: ConfigPath = DEFAULT_CONFIG, set_: Overrides = None) -> None:
    """Train a version from the purchase log, and measure it beside its baselines.

    Reads the files that the sections purchases and items name, and the events that serving
    collected. If neither they nor the settings have changed since a version was
    trained, that one is reused.
    """
    from regulars.forgetting.latecomers import train_without_erased
    from regulars.hints import hint
    from regulars.progress import TerminalProgress
    from regulars.terminal import results, say

    result = train_without_erased(configuration(config, set_), progress=TerminalProgress())
    out = results()
    out.print(summary(result))
    say(f"Next: {hint('report')}, or {hint('publish')}")


def summary(result: TrainResult) -> object:
    """Return what came of a training, for the console."""
    from rich.console import Group

    from regulars.evaluation_view import evaluation_view
    from regulars.terminal import plain

    what = "reused: nothing has changed" if result.reused else "trained"
    headline = plain(f"Version {result.version} ({what})", style="bold")
    rows = [plain(line) for line in rows_left_out(result.cleaning)]
    if result.evaluation is None:
        return Group(headline, *rows, plain(f"Nothing was measured: {result.why_unmeasured}."))
    return Group(headline, *rows, "", evaluation_view(result.evaluation))


def rows_left_out(cleaning: CleaningReport) -> list[str]:
    """Say how many rows were learned from, and why others were not, the most frequent reasons first."""
    lines = [f"{cleaning.rows_kept:,} of {cleaning.rows_read:,} rows were learned from."]
    for what, reasons in (("in quarantine", cleaning.quarantined), ("set aside", cleaning.set_aside)):
        lines += [f"  {count:,} {what}: {reason}" for reason, count in list(reasons.items())[:MOST_REASONS]]
    if sum(cleaning.quarantined.values()) > cleaning.rows_kept:
        lines.append("Most rows make no sense as they were read. Look into the quarantine file, and check [purchases].")
    return lines
