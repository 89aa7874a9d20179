"""Experiments while pages are answered: what a user's group changes, and its name on the slate.

Without an experiment there is no `Experiments` at all, and answers are byte for byte as they were. Nothing is stored:
a user's group is a hash of their id, the same in every process and for who reads the event files later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self

import orjson
from prometheus_client import Counter

from recommender.experiments.allocation import Allocation, Assigned
from recommender.purpose import Purpose
from serving.experiment_settings import ExperimentSettings, VariantChanges, allocation_of, challengers_of
from serving.metrics import Metrics
from serving.questions import PREPARED, Asked, Question
from serving.shelves.counter import Reply


class Answering(Protocol):
    """What answers whatever the experiments say: `serving.service.Service`."""

    async def untreated(self, question: Question) -> Reply:
        """Answer a question."""
        ...

    async def personal(self, user_id: str, asked: Asked) -> Reply:
        """Answer with a user's shelf."""
        ...

    async def impersonal(self, question: Question) -> Reply:
        """Answer with a guest's shelf."""
        ...

    def of_version(self, version: str) -> Answering | None:
        """Return what answers with a version that experiments name; None while that is not there."""
        ...


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

    def question(self, question: Question) -> Question:
        """Return the question as the group asks it."""
        changes = self.changes
        new_only = question.new_only or (changes.new_only and question.placement in PREPARED)
        return replace(question, new_only=new_only, reasons=question.reasons and changes.reasons)

    def asked(self, asked: Asked) -> Asked:
        """Return the same of what is asked of a prepared list for home or mail."""
        changes = self.changes
        if changes.reasons and not changes.new_only:
            return asked
        purpose = Purpose.NEW if changes.new_only else asked.purpose
        return asked._replace(purpose=purpose, reasons=asked.reasons and changes.reasons)

    def labelled(self, reply: Reply) -> Reply:
        """Return an answer that names experiment and variant, and count it."""
        self.counter.inc()
        return reply._replace(body=reply.body[:-1] + self.suffix)


class Experiments:
    """The experiments of a shop that has any."""

    def __init__(self, settings: Mapping[str, ExperimentSettings], metrics: Metrics) -> None:
        self._metrics = metrics
        self.versions = challengers_of(settings)
        """The versions that groups name."""
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

    async def reply(self, service: Answering, user_id: str, question: Question) -> Reply:
        """Answer a user's question as their group is answered.

        Raises
        ------
        Problem
            As `Service.reply`.
        """
        treatment = self.of(user_id)
        if treatment is None:
            return await service.untreated(question)
        changed = treatment.question(question)
        is_personal, answering = treatment.changes.personal, self._answering(service, treatment)
        return treatment.labelled(
            await (answering.untreated(changed) if is_personal else answering.impersonal(changed))
        )

    async def shelf(self, service: Answering, user_id: str, asked: Asked) -> Reply:
        """Answer the same, of a question for stored candidates: it is asked on every page view.

        Raises
        ------
        Problem
            As `Service.reply`.
        """
        treatment = self.of(user_id)
        if treatment is None:
            return await service.personal(user_id, asked)
        changed = treatment.asked(asked)
        if treatment.changes.personal:
            return treatment.labelled(await self._answering(service, treatment).personal(user_id, changed))
        return treatment.labelled(await service.impersonal(changed.question(user_id)))

    def of(self, visitor: str) -> Treatment | None:
        """Return what a visitor's group gets; None outside every experiment."""
        group = self._allocation.of(visitor)
        return None if group is None else self._treatments[group]

    def version_for(self, visitor: str) -> str | None:
        """Return the version that a visitor's group names; None if it gets the served one."""
        treatment = self.of(visitor)
        return None if treatment is None else treatment.changes.version

    def _answering(self, service: Answering, treatment: Treatment) -> Answering:
        """Return a service of the version that a group names, and of the served one while that is not there."""
        version = treatment.changes.version
        if version is None:
            return service
        found = service.of_version(version)
        if found is None:
            self._metrics.challenger_missed.labels(version).inc()
        return found or service
