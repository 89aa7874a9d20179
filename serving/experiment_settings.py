"""The sections ``[experiments.<name>]`` of `regulars.toml`.

A variant may change what is decided while a page is answered, and which version answers. What was decided when a
version was published is the same for everybody who gets it: asking for that is refused when the settings are read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from recommender.experiments.allocation import CONTROL, Allocation, Assigned, Experiment
from recommender.manifest import VERSION_NAME

PUBLISHED = frozenset({"diversity", "category_cap", "one_per_title"})
"""Settings of ``[slates]``: stored shelves are in their order already."""
OF_VERSIONS = frozenset({"model_version", "model"})

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
    version: str | None = None
    """The version that answers them, published with `regulars publish VERSION --challenger`; else the served one."""

    def in_words(self) -> str:
        """Say what is changed."""
        words = {
            "no personal picks": not self.personal,
            "new items only": self.new_only,
            "no reasons": not self.reasons,
            f"version {self.version}": self.version is not None,
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
                        "published. Set it in [slates], train a version with it, and name that as the variant's version"
                    )
                if name in OF_VERSIONS:
                    raise ValueError(f"{name} is called version here")
        return value

    @field_validator("version")
    @classmethod
    def _is_a_version(cls, value: str | None) -> str | None:
        if value is not None and not VERSION_NAME.fullmatch(value):
            raise ValueError("a version is called something like 20180101-3f9c0a1b2c3d")
        return value

    @model_validator(mode="after")
    def _is_about_picks(self) -> Self:
        if self.version is not None and not self.personal:
            raise ValueError("version says who picks, personal = false that nobody does: leave out one of them")
        return self


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


def challengers_of(settings: Mapping[str, ExperimentSettings]) -> frozenset[str]:
    """Return the versions that variants name."""
    changes = (change for experiment in settings.values() for change in experiment.changes.values())
    return frozenset(change.version for change in changes if change.version is not None)


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
