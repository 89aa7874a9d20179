"""`regulars campaign`: the mailing file of a segment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

if TYPE_CHECKING:
    from serving.campaigns.campaign import Campaign

EXAMPLES = examples(
    'regulars campaign --segment "at risk"',
    "regulars campaign --segment champion --slots 6 --out mail",
    "regulars campaign --segment all --json",
)


def run(
    *,
    segment: Annotated[
        str, typer.Option("--segment", "-g", help='Such as "at risk" or champion; "all" for everybody.')
    ],
    slots: Annotated[int | None, typer.Option(help="Picks per user; short for --set campaign.slots=…")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of campaigns; without it, campaigns in the data folder.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Write a mailing file: one row per user of a segment, with their picks.

    Writes recipients.csv and recipients.jsonl, who was left out and why, and a
    manifest, into a folder named after the segment. The picks are those the shop
    would show now: the same model and rules, stock included, and nobody who asked
    to be forgotten.
    """
    from regulars.campaigning import write_segment
    from regulars.progress import TerminalProgress
    from regulars.terminal import write

    overrides = [*(set_ or ()), *([] if slots is None else [f"campaign.slots={slots}"])]
    settings = configuration(config, overrides)
    out = settings.app.data_dir / "campaigns" if out is None else out
    written = write_segment(settings, segment, out, progress=TerminalProgress())
    if json:
        from dataclasses import asdict
        from json import dumps

        write(dumps(asdict(written), indent=2, ensure_ascii=False))
    else:
        show(written, out)


def show(written: Campaign, out: Path) -> None:
    """Print what was written and who was left out."""
    from regulars.terminal import RIGHT, results, table

    folder = out / written.segment.replace(" ", "_")
    files = [(folder / name, f"{entry.rows:,}", f"{entry.bytes / 1024:,.0f}") for name, entry in written.files.items()]
    results().print(table(["file", f"{RIGHT}rows", f"{RIGHT}KiB"], files))
    if written.suppressed:
        left_out = [(reason.replace("_", " "), f"{count:,}") for reason, count in written.suppressed.items()]
        results().print(table(["left out", f"{RIGHT}users"], left_out))
