"""What docs/operations.md says of faults is what the program does: its metrics, its alerts and its log lines exist."""

from __future__ import annotations

import re

import pytest
import yaml

from benchmarks.faults.texts import TEXTS
from serving.metrics import Metrics
from tests.pages import ROOT, text_of

SOURCES = [*(ROOT / "serving").rglob("*.py"), *(ROOT / "regulars").rglob("*.py")]
OF_LIBRARIES = {
    "Unexpected exit from worker-…": "granian, when a worker ends by itself",
    "command not allowed when used memory > 'maxmemory'": "Redis and Valkey, when they are full",
}
"""Lines that are not ours, and whose they are: seen when the faults were tried."""


def of_faults() -> str:
    """The part of the page about faults."""
    return text_of("docs/operations.md").partition("\n## When something is away\n")[2].partition("\n## ")[0]


def code() -> str:
    """The program's text, with whatever differs in a message written as `…`, and strings put together."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    joined = re.sub(r'"\s*\n\s*f?"', "", text)
    return re.sub(r"%\.?\d*[srd]|\{[^{}]*\}", "…", joined)


def quoted() -> list[str]:
    """What the page quotes of log lines and messages: spans of several words that are no command, setting or header."""
    spans = re.findall(r"`([^`]+)`", of_faults().replace("\n  ", " "))
    words = [span for span in spans if span.count(" ") >= 2 and not span.startswith(("regulars ", "make ", '"'))]
    return [span for span in words if not re.match(r"[A-Z]+ /", span)]


@pytest.mark.parametrize("line", quoted())
def test_quoted_lines_are_written_by_the_program(line: str) -> None:
    """An operator who searches the log for a line of the page finds it."""
    assert line in OF_LIBRARIES or line.strip("… ") in code()


def test_enough_is_quoted() -> None:
    """The rule above finds the lines at all."""
    assert len(quoted()) > 10


def test_named_metrics_and_alerts_exist() -> None:
    """Every metric and alert that a fault is recognised by is one of ours."""
    exposed = {name for names in Metrics().registry._collector_to_names.values() for name in names}
    told = set(re.findall(r"\bregulars_\w+", of_faults()))
    assert told
    assert {name for name in told if name not in exposed and f"{name}_bucket" not in exposed} == set()
    groups = yaml.safe_load(text_of("deploy/alerts.yml"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert set(re.findall(r"\bRegulars[A-Z]\w+", of_faults())) <= alerts


def test_each_fault_that_is_tried_has_its_own_part() -> None:
    """Whatever `make bench-faults` tries, there is a part that says what one sees, what it means and what to do."""
    parts = dict(re.findall(r"^### (.+)\n\n((?:(?!^### ).*\n)*)", of_faults() + "\n", re.MULTILINE))
    for fault, text in TEXTS.items():
        for beginning in ("* **You see**", "* **It means**", "* **Do**"):
            assert beginning in parts[text.part], f"{fault}: {text.part}"
