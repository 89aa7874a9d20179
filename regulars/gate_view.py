"""The verdicts of the gate as a person reads them: what fails first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from regulars.terminal import plain
from training.gate import Verdict


def gate_view(version: str, verdicts: Sequence[Verdict]) -> RenderableType:
    """Return one paragraph per verdict under a headline."""
    failed = sum(not verdict.passed for verdict in verdicts)
    unjudged = sum(not verdict.judged for verdict in verdicts)
    outcome = f"{failed} of {len(verdicts)} rules fail" if failed else "may be published"
    aside = f"; {unjudged} could not be judged" if unjudged else ""
    headline = plain(f"Version {version}: {outcome}{aside}", style="bold")
    ordered = sorted(verdicts, key=lambda verdict: (verdict.passed, not verdict.judged))
    return Group(headline, *(_lines(verdict) for verdict in ordered))


def _lines(verdict: Verdict) -> Text:
    word, style = ("fails", "red")
    if not verdict.judged:
        word, style = ("not judged", "yellow")
    elif verdict.passed:
        word, style = ("holds", "green")
    return Text.assemble(
        plain(f"  {word:<10}  ", style=style), plain(f"{verdict.rule}\n"), plain(f"    {verdict.detail}", style="dim")
    )
