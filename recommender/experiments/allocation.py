"""Who is in which group of which experiment: a function of names alone.

::

    place = first 8 bytes of SHA-256(salt ␟ experiment ␟ visitor) / 2^64        in [0, 1)

The interval from 0 to 1 is cut into the shares of the groups, the control group first. So the same visitor is in the
same group everywhere and always, nothing is stored, and who reads the event files later knows the groups too. A group
keeps its visitors while shares before it stay as they are; another salt shuffles everybody.

A visitor is in one experiment at most: experiments are asked in their order, and what an earlier one leaves over is
open to the later ones.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput

CONTROL = "control"
"""Name of the group that gets no personal picks."""

_SEPARATOR = b"\x1f"
"""Stands in no name and no id."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment.

    Raises
    ------
    InvalidInput
        If there is no group, a name is used twice, a share is not positive, or all shares come to more than 1.
    """

    name: str
    groups: tuple[tuple[str, float], ...]
    """Names and shares of all visitors, the control group first if there is one."""
    salt: str = ""

    def __post_init__(self) -> None:
        names = [name for name, _ in self.groups]
        if not names:
            raise InvalidInput(f"experiment {self.name!r} has no groups: give control or variants a share above 0")
        if len(set(names)) != len(names):
            raise InvalidInput(f"experiment {self.name!r} needs groups of different names, not {names}")
        if wrong := [(name, share) for name, share in self.groups if not 0 < share <= 1]:
            raise InvalidInput(f"experiment {self.name!r}: the share of {wrong[0][0]!r} is {wrong[0][1]}, not above 0")
        if self.share > 1 + _ROUNDING:
            raise InvalidInput(f"experiment {self.name!r}: its shares come to {self.share:g}, more than everybody (1)")

    @property
    def share(self) -> float:
        """The part of all visitors that takes part."""
        return sum(share for _, share in self.groups)

    @property
    def names(self) -> tuple[str, ...]:
        """The groups."""
        return tuple(name for name, _ in self.groups)


@dataclass(frozen=True, slots=True)
class Assigned:
    """A visitor's group."""

    experiment: str
    variant: str


class Allocation:
    """Assigns visitors to the groups of some experiments.

    Raises
    ------
    InvalidInput
        If an experiment gets nobody, since those before it take everybody; or two have one name.

    Examples
    --------
    >>> everybody = Allocation([Experiment("holdout", (("control", 0.1), ("usual", 0.9)))])
    >>> everybody.of("17"), everybody.of("18")
    (Assigned(experiment='holdout', variant='usual'), Assigned(experiment='holdout', variant='usual'))
    """

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        self.experiments = tuple(experiments)
        names = [experiment.name for experiment in experiments]
        if len(set(names)) != len(names):
            raise InvalidInput(f"experiments must have different names, not {names}")
        for earlier, later in itertools.pairwise(experiments):
            if earlier.share > 1 - _ROUNDING:
                raise InvalidInput(
                    f"experiment {later.name!r} gets nobody: {earlier.name!r}, which stands before it, "
                    "takes everybody; make its shares smaller"
                )
        self._tables = [_Table(experiment) for experiment in experiments]

    def of(self, visitor: str) -> Assigned | None:
        """Return the visitor's group; None outside every experiment."""
        name = visitor.encode("utf-8", "surrogatepass")
        for table in self._tables:
            if (found := table.find(name)) is not None:
                return found
        return None

    def groups_of(self, visitors: Sequence[str], experiment: str) -> npt.NDArray[np.int8]:
        """Return (n,) the place of each visitor's group in one experiment; -1 for those who are not in it."""
        places = {name: at for at, name in enumerate(self.get(experiment).names)}
        groups = map(self.of, visitors)
        codes = (places[group.variant] if group and group.experiment == experiment else -1 for group in groups)
        return np.fromiter(codes, dtype=np.int8, count=len(visitors))

    def get(self, experiment: str) -> Experiment:
        """Return the experiment of that name; raise `InvalidInput` if there is none."""
        for known in self.experiments:
            if known.name == experiment:
                return known
        names = ", ".join(known.name for known in self.experiments) or "none"
        raise InvalidInput(f"there is no experiment {experiment!r}; configured are: {names} (docs/experiments.md)")


class _Table:
    """Where the groups of one experiment end."""

    def __init__(self, experiment: Experiment) -> None:
        head = _SEPARATOR.join([experiment.salt.encode(), experiment.name.encode(), b""])
        self._hash = hashlib.sha256(head)
        self._ends: list[tuple[float, Assigned]] = []
        end = 0.0
        for name, share in experiment.groups:
            end += share
            self._ends.append((end * 2**64, Assigned(experiment.name, name)))
        if abs(end - 1) < _ROUNDING:
            # Shares that were meant to be everybody are everybody, however their sum was rounded.
            self._ends[-1] = (float(2**64), self._ends[-1][1])

    def find(self, visitor: bytes) -> Assigned | None:
        state = self._hash.copy()
        state.update(visitor)
        place = int.from_bytes(state.digest()[:8], "big")
        return next((group for end, group in self._ends if place < end), None)
