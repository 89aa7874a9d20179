"""The model card of a version."""

import re
from pathlib import Path

import numpy as np
import pytest

from recommender.evaluation_table import EvaluationTable
from recommender.manifest import Manifest, Provenance
from recommender.outcomes import Outcomes
from recommender.purpose import Purpose
from tests import planted
from tests.measurements import outcomes_of, table_of
from tests.training.report.report_examples import HOSTILE, report_of
from training.report import ReportData
from training.report.card import plain, render_card, write_card

NOISE = np.random.default_rng(2).normal(0, 0.05, 60)
OUTCOMES = outcomes_of(
    {
        Purpose.ALL: {"regulars": list(0.5 + NOISE), "own top": list(0.4 + NOISE)},
        Purpose.NEW: {"regulars": list(0.1 + NOISE), "own top": list(0.2 + NOISE)},
    },
    orders=np.arange(60),
)
ORIGIN = Provenance(
    data_fingerprint="f00d",
    parameters={"als": {"backend": "implicit", "factors": 64}, "items": {"title": HOSTILE}},
    libraries={"numpy": "2.4.6"},
)
MANIFEST = Manifest.seal(ORIGIN, as_of="2024-12-31T00:00:00", values={}, checksums={})


def card(
    data: ReportData | None = None, outcomes: Outcomes | None = OUTCOMES, table: EvaluationTable | None = None
) -> str:
    """The card of the example, or of other content."""
    data = report_of(planted.shop().log, table or table_of(OUTCOMES)) if data is None else data
    return render_card(data, MANIFEST, outcomes)


def test_every_section_is_there() -> None:
    """What it is and is not for, data, figures, configuration, limits, and how to go back."""
    headings = re.findall(r"^##+ (.*)$", card(), re.M)
    assert headings == [
        "What it is",
        "What it is for, and what not",
        "Data",
        "How good it is",
        "By customer value",
        "New and warm customers",
        "Blend weights by component",
        "Known limits",
        "Configuration",
        "Publish and roll back",
    ]


def test_figures_stand_beside_baselines_with_intervals() -> None:
    """Means, differences and ages are those of the evaluation."""
    text = card()
    assert re.search(r"\| All items \| regulars \| 0\.\d{4} \(0\.\d{4} to 0\.\d{4}\)", text)
    assert re.search(
        r"\| All items \| own top \| \+0\.1000 \(\+2\d\.\d%\) \| \+0\.\d{4} to \+0\.\d{4} \| better \|", text
    )
    new = 0.5 + NOISE[:3].mean()
    assert f"| All items | new | 3 | {new:.4f} | own top | {new - 0.1:.4f} | +0.1000 |" in text
    assert "| f00d |" in text.replace("fingerprint ", "")
    assert "numpy 2.4.6" in text
    assert "| als.factors | 64 |" in text
    assert "| git commit | not known |" in text


def test_weaknesses_are_said() -> None:
    """What a baseline does better is a sentence among the limits, overall and for new and warm customers."""
    limits = card().split("## Known limits")[1]
    assert "* Items new to the customer: it is worse than own top (-0.1000)." in limits
    assert "Items new to the customer, warm customers (57): it is worse than own top (-0.1000" in limits
    assert "* All items: it is" not in limits


def test_weights_are_grouped_by_component() -> None:
    """Each feature stands with what it speaks for; a feature of another release is not lost."""
    data = report_of(planted.shop().log, None, blend={"all": {"owned": 1.5, "due": -2.0, "strange": 1.0}})
    text = card(data)
    assert "| habit | due -2.000, owned +1.500 |" in text
    assert "| other | strange +1.000 |" in text


def test_names_from_outside_stay_text() -> None:
    """A shop, a setting or a reason can neither form markup nor break a table."""
    text = card()
    assert "<script" not in text.replace("\\<script", "")
    widths = {}
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        rows = [len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()]
        widths[block[:40]] = set(rows)
    assert all(len(width) == 1 for width in widths.values()), widths


@pytest.mark.parametrize("text", ["a|b", "*a*", "<b>", "[x](y)", "a\nb", "$x$", "`a`", "~~a~~"])
def test_plain_text_has_no_markup(text: str) -> None:
    """Every character that Markdown reads is escaped, and a line stays a line."""
    shown = plain(text)
    assert "\n" not in shown
    assert re.sub(r"\\(.)", r"\1", shown) == text.replace("\n", " ")
    assert not re.search(r"(?<!\\)[|*<>\[\]`$~]", shown)


def test_a_version_that_was_not_measured_says_so() -> None:
    """No figure is made up where there is none."""
    text = card(report_of(planted.shop().log, None, blend={}), outcomes=None)
    assert "It was not measured: the log is too short to hold anything out" in text.replace("\\", "")
    assert "nDCG" not in text
    assert "None were learned" in text


def test_an_old_version_has_a_card() -> None:
    """Without figures by user the card is whole, and says what is missing."""
    text = card(outcomes=None)
    assert "was not kept for this version; train again to have it" in text
    assert "| All items | regulars |" in text


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    """The card lies beside the report under the version's name, and holds no date of its own."""
    data = report_of(planted.shop().log, table_of(OUTCOMES))
    path = write_card(data, MANIFEST, OUTCOMES, tmp_path)
    assert path == tmp_path / f"{data.version}.md"
    assert path.read_text(encoding="utf-8") == card(data)
