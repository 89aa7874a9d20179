"""The sections ``[experiments.<name>]`` of `regulars.toml`.

A variant may change what is decided while a page is answered. What is decided when a version is published, or which
version answers, is the same for everybody: asking for that is refused when the settings are read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from recommender.experiments.allocation import CONTROL, Allocation, Assigned, Experiment

PUBLISHED = frozenset({"diversity", "category_cap", "one_per_title"})
"""Settings of ``[slates]``: stored shelves are in their order already."""
OF_VERSIONS = frozenset({"version", "model_version", "model"})

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

Share = Annotated[float, Field(gt=0, le=1)]


class VariantChanges(BaseModel):
    """What visitors of one variant get that others do not."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    personal: bool = True
    """Whether their shelves are personal; if not, they get what control gets."""
    new_only: bool = False
    """Whether home and mail shelves leave out everything they own, whatever the page asks for."""
    reasons: bool = True
    """Whether shelves say why each item is offered; if not, they never do."""

    def in_words(self) -> str:
        """Say what is changed."""
        words = {
            "no personal picks": not self.personal,
            "new items only": self.new_only,
            "no reasons": not self.reasons,
        }
        return ", ".join(word for word, applies in words.items() if applies) or "the shop as usual"

    @model_validator(mode="before")
    @classmethod
    def _can_be_changed(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            for name in value:
                if name in PUBLISHED:
                    raise ValueError(
                        f"{name} cannot differ between visitors: stored shelves were put in order when the version was "
                        f"published. Set it in [slates] and train a version to compare"
                    )
                if name in OF_VERSIONS:
                    raise ValueError(
                        f"{name} cannot differ between visitors: one version is served at a time. Compare versions "
                        "with `regulars compare`, and the one that is served with control"
                    )
        return value


AS_USUAL = VariantChanges()
WITHOUT_PICKS = VariantChanges(personal=False)
"""What control gets."""


class ExperimentSettings(BaseModel):
    """An experiment: who gets what, decided by a hash of the user's id. See docs/experiments.md."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    since: dt.date | None = None
    """First day (UTC) of its report, unless `--since` says otherwise; who is in which group does not depend on it."""
    control: float = Field(default=0.1, ge=0, le=1)
    """Share of users who get no personal picks: what the others are compared with. 0 for no such group."""
    variants: dict[str, Share] = Field(default_factory=dict)
    """The other groups and their shares; whoever is left over is not part of the experiment."""
    salt: str = ""
    """Any text; another one puts everybody into a new group, by chance."""
    changes: dict[str, VariantChanges] = Field(default_factory=dict)
    """What each variant changes; a variant without an entry is the shop as usual."""

    @model_validator(mode="after")
    def _groups_are_named(self) -> Self:
        for name in self.variants:
            check_name(name, what="variant")
        if CONTROL in {*self.variants, *self.changes}:
            raise ValueError('"control" is the group without personal picks; its share is the key control')
        if unknown := [name for name in self.changes if name not in self.variants]:
            known = ", ".join(self.variants) or "none"
            raise ValueError(f"changes are given for {unknown[0]!r}, which is no variant; there are: {known}")
        return self

    def changes_of(self, variant: str) -> VariantChanges:
        """Return what a group gets."""
        return WITHOUT_PICKS if variant == CONTROL else self.changes.get(variant, AS_USUAL)

    def experiment(self, name: str) -> Experiment:
        """Return its groups; raise `InvalidInput` if their shares make no sense."""
        control = ((CONTROL, self.control),) if self.control else ()
        return Experiment(name, (*control, *self.variants.items()), self.salt)


def check_name(name: str, *, what: str) -> None:
    """Raise `ValueError` if a name cannot be in a slate, a metric and a file name."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is no name for this {what}; use up to 64 of a-z, 0-9, _ and -, no sign first")


def allocation_of(settings: Mapping[str, ExperimentSettings]) -> Allocation:
    """Return who is in which group.

    Raises
    ------
    InvalidInput
        If the experiments do not fit beside each other.
    """
    return Allocation([experiment.experiment(name) for name, experiment in settings.items()])


class Group(NamedTuple):
    """A user's group, and what it gets."""

    assigned: Assigned
    changes: VariantChanges


class Groups:
    """Who gets what, in all experiments."""

    def __init__(self, settings: Mapping[str, ExperimentSettings]) -> None:
        self._settings = settings
        self._allocation = allocation_of(settings)

    def of(self, user_id: str) -> Group | None:
        """Return a user's group; None outside every experiment."""
        found = self._allocation.of(user_id)
        return None if found is None else Group(found, self._settings[found.experiment].changes_of(found.variant))
