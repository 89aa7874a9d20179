"""The findings of a search as one HTML file that needs nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import jinja2
from markupsafe import Markup

import training.report
from recommender.purpose import Purpose
from training.report.glossary import PURPOSES
from training.report.tables import Table
from training.tuning.drawings import drawings
from training.tuning.findings import Findings
from training.tuning.study import Outcome

_HERE, _REPORT = Path(__file__).parent, Path(training.report.__path__[0])

_VERDICTS = {
    "better": "Better than the settings as they are",
    "worse": "Worse than the settings as they are",
    "undecided": "No sure difference to the settings as they are",
}


def write_page(findings: Findings, folder: Path) -> Path:
    """Write ``<study>.html`` into `folder` and return its path."""
    path = folder / f"{findings.name}.html"
    path.write_text(render(findings), encoding="utf-8")
    return path


def render(findings: Findings) -> str:
    """Return the page. Same findings, same bytes; every text is escaped."""
    return _template().render(
        findings=findings,
        css=Markup((_REPORT / "report.css").read_text(encoding="utf-8")),  # noqa: S704  # our own file
        counts=Counter({outcome.value: 0 for outcome in Outcome} | Counter(t.outcome.value for t in findings.trials)),
        answer=answer(findings),
        purposes={purpose.value: PURPOSES[purpose] for purpose in Purpose},
        verdicts=_VERDICTS,
        settings=_settings(findings),
        pictures=drawings(findings),
        failures=_failures(findings),
        mix=", ".join(f"{purpose} {share:.0%}" for purpose, share in findings.mix.items()),
    )


def answer(findings: Findings) -> str:
    """Say in a sentence or two what came of the search."""
    best, reference = findings.best, findings.reference
    if best is None or best.score is None:
        return "No trial was measured to the end."
    if best is reference:
        return f"None of {len(findings.trials)} trials was better than the settings as they are: keep them."
    lead = f"Trial {best.number} of {len(findings.trials)} is the best, with a score of {best.score:.4f}"
    if reference is None or reference.score is None or not findings.gains:
        return f"{lead}."
    sure = {gain.verdict for gain in findings.gains}
    change = best.score / reference.score - 1
    return f"{lead}, {change:+.1%} against the settings as they are. {_ADVICE[_certainty(sure)]}"


_ADVICE = {
    "better": "At least one purpose is better for sure and none is worse: train with it, and look at the test.",
    "mixed": "It wins on one purpose and loses on another: decide which matters more before you take it.",
    "undecided": "The difference may be chance: prefer the settings as they are unless these are cheaper.",
    "worse": "It is worse on one purpose: look twice.",
}


def _certainty(verdicts: set[str]) -> str:
    if "worse" in verdicts:
        return "mixed" if "better" in verdicts else "worse"
    return "better" if "better" in verdicts else "undecided"


def _settings(findings: Findings) -> Table | None:
    best = findings.best
    if best is None:
        return None
    rows = [
        [d.key, f"{d.current:g}", f"{best.values[d.key]:g}", _share(findings.importances.get(d.key))]
        for d in findings.space
    ]
    return Table.of("Settings", ["Setting", "Now", "Best trial", "Explains"], rows)


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _failures(findings: Findings) -> Table | None:
    failed = [trial for trial in findings.trials if trial.outcome is Outcome.FAILED]
    if not failed:
        return None
    rows = [[str(t.number), ", ".join(f"{k} = {v:g}" for k, v in t.values.items()), t.problem] for t in failed]
    return Table.of("Trials that failed", ["Trial", "Settings", "Reason"], rows)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([_HERE, _REPORT]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("tuning.html.j2")
