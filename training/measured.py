"""What is known of how good a version is: its table of figures, and what each user's list was worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recommender.errors import InvalidArtifact
from recommender.evaluation_table import EvaluationTable
from recommender.outcomes import Outcomes
from training.outcome_files import load_outcomes
from training.records import load_record


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """A version as the gate and a comparison see it."""

    version: str
    evaluation: EvaluationTable | None
    """None if nothing could be held out, or the record is lost."""
    outcomes: Outcomes | None = None
    """None as well if a version of an earlier release did not keep them."""
    problem: str | None = None
    """Why something is missing, in a sentence."""


def load_measured(version: str, folder: Path) -> Measured:
    """Read what `folder` holds about `version`; what each user's list was worth may be missing.

    Raises
    ------
    InvalidArtifact
        If its record is missing or cannot be understood.
    """
    record = load_record(version, folder)
    if record.evaluation is None:
        return Measured(version=version, evaluation=None, problem=f"it was never measured: {record.why_unmeasured}")
    try:
        return Measured(version=version, evaluation=record.evaluation, outcomes=load_outcomes(version, folder))
    except InvalidArtifact as error:
        return Measured(version=version, evaluation=record.evaluation, problem=str(error))


def find_measured(version: str, folder: Path) -> Measured:
    """Return the same for a version that may have lost everything: `problem` says what."""
    try:
        return load_measured(version, folder)
    except InvalidArtifact as error:
        return Measured(version=version, evaluation=None, problem=str(error))
