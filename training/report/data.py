"""Everything a report shows, as plain values: it travels as JSON beside the page, which can be drawn again from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recommender.errors import InvalidInput
from recommender.evaluation_table import EvaluationTable
from training.cleaning import CleaningReport
from training.examples import Example
from training.loyalty.figures import LoyaltyFigures
from training.report.facts import ShopFacts
from training.steps import StepRecord
from training.variety import VarietyFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """The content of one report."""

    shop: str
    """Name of the shop."""
    version: str
    """Of the artifact the report is about."""
    as_of: str
    """ISO 8601, UTC: the training's "now", just after the last interaction."""
    cleaning: CleaningReport
    facts: ShopFacts
    blend: Mapping[str, Mapping[str, float]]
    """Purpose ("all", "new") → feature → learned weight."""
    steps: tuple[StepRecord, ...]
    parameters: Mapping[str, Any]
    """The resolved training configuration, nested."""
    libraries: Mapping[str, str]
    """Library → version."""
    evaluation: EvaluationTable | None
    """None where nothing could be held out; `why_unmeasured` says why."""
    variety: VarietyFigures | None = None
    """Slates beyond accuracy; None where nothing could be measured."""
    loyalty: LoyaltyFigures | None = None
    """The customer base; None in records of earlier releases."""
    examples: tuple[Example, ...] = ()
    """A few households, nameless, and what they would be offered."""
    previous_version: str | None = None
    """The version that is published now, if any."""
    previous: EvaluationTable | None = None
    """Its figures."""

    @property
    def why_unmeasured(self) -> str | None:
        """Why there is no evaluation, as a clause; None where there is one."""
        if self.evaluation is not None:
            return None
        cut, log = self.parameters.get("evaluation", {}).get("cut"), self.cleaning
        if cut and not log.first < f"{cut}T00:00:00" <= log.last:
            return f"cut in [evaluation] is {cut}, outside the log, which runs from {log.first[:10]} to {log.last[:10]}"
        return "the log is too short to hold anything out"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready nested dictionaries and lists."""
        content = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return content | {
            "cleaning": self.cleaning.to_dict(),
            "facts": dataclasses.asdict(self.facts),
            "steps": [step.to_dict() for step in self.steps],
            "evaluation": self.evaluation and self.evaluation.to_dict(),
            "previous": self.previous and self.previous.to_dict(),
            "variety": self.variety and self.variety.to_dict(),
            "loyalty": self.loyalty and self.loyalty.to_dict(),
            "examples": [example.to_dict() for example in self.examples],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ReportData:
        """Rebuild from `to_dict`.

        Raises
        ------
        InvalidInput
            If a field is missing or unknown, or a part of another kind.
        """
        try:
            parts = {
                "cleaning": CleaningReport(**{**content["cleaning"], "files": tuple(content["cleaning"]["files"])}),
                "facts": ShopFacts(**{name: _frozen(value) for name, value in content["facts"].items()}),
                "steps": tuple(StepRecord(**step) for step in content["steps"]),
                "evaluation": _table(content["evaluation"]),
                "previous": _table(content["previous"]),
                "variety": VarietyFigures.from_dict(variety) if (variety := content.get("variety")) else None,
                "loyalty": LoyaltyFigures.from_dict(loyalty) if (loyalty := content.get("loyalty")) else None,
                "examples": tuple(Example.from_dict(example) for example in content.get("examples", ())),
            }
            _check_what_why_unmeasured_reads(content["parameters"], content["cleaning"])
            return cls(**{**content, **parts})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"this is not the content of a report: {error!r}; train again") from None


def _table(content: Mapping[str, Any] | None) -> EvaluationTable | None:
    return None if content is None else EvaluationTable.from_dict(content)


def _check_what_why_unmeasured_reads(parameters: Any, cleaning: Mapping[str, Any]) -> None:
    if not isinstance(parameters, Mapping) or not isinstance(parameters.get("evaluation", {}), Mapping):
        raise TypeError("parameters holds no settings by section")
    if not all(isinstance(cleaning[end], str) for end in ("first", "last")):
        raise TypeError(f"the log runs from {cleaning['first']!r} to {cleaning['last']!r}, which must be times")


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
