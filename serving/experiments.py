"""Experiments while pages are answered: what a user's group changes, and its name on the slate.

Without an experiment there is no `Experiments` at all, and answers are byte for byte as they were. Nothing is stored:
a user's group is a hash of their id, the same in every process and for who reads the event files later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import orjson
from prometheus_client import Counter

from recommender.experiments.allocation import Allocation, Assigned
from serving.experiment_settings import ExperimentSettings, VariantChanges, allocation_of
from serving.metrics import Metrics
from serving.questions import PREPARED, Question
from serving.shelves.counter import Reply


@dataclass(frozen=True, slots=True)
class Treatment:
    """What one group gets."""

    group: Assigned
    changes: VariantChanges
    counter: Counter
    suffix: bytes
    """The fields that every slate of the group ends with."""

    @classmethod
    def of(cls, group: Assigned, changes: VariantChanges, metrics: Metrics) -> Self:
        """Prepare what is the same for every slate."""
        names = orjson.dumps({"experiment": group.experiment, "variant": group.variant})
        counter = metrics.experiment_slates.labels(group.experiment, group.variant)
        return cls(group, changes, counter, b"," + names[1:])

    def question(self, asked: Question) -> Question:
        """Return the question as the group asks it."""
        changes = self.changes
        new_only = asked.new_only or (changes.new_only and asked.placement in PREPARED)
        return replace(asked, new_only=new_only, reasons=asked.reasons and changes.reasons)

    def labelled(self, reply: Reply) -> Reply:
        """Return an answer that names experiment and variant, and count it."""
        self.counter.inc()
        return reply._replace(body=reply.body[:-1] + self.suffix)


class Experiments:
    """The experiments of a shop that has any."""

    def __init__(self, settings: Mapping[str, ExperimentSettings], metrics: Metrics) -> None:
        self._allocation: Allocation = allocation_of(settings)
        self._treatments = {
            group: Treatment.of(group, settings[group.experiment].changes_of(group.variant), metrics)
            for experiment in self._allocation.experiments
            for group in (Assigned(experiment.name, variant) for variant in experiment.names)
        }

    @classmethod
    def configured(cls, settings: Mapping[str, ExperimentSettings], metrics: Metrics) -> Self | None:
        """Return the experiments; None if there are none."""
        return cls(settings, metrics) if settings else None

    def of(self, visitor: str) -> Treatment | None:
        """Return what a visitor's group gets; None outside every experiment."""
        group = self._allocation.of(visitor)
        return None if group is None else self._treatments[group]
