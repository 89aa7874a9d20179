"""The outcome of an evaluation as plain numbers: what the table prints, the gate judges, the report draws.

It holds no arrays and round-trips through JSON. Numbers are rounded to six decimals: what lies below depends
on the order in which a machine adds, and an artifact must be a function of data, configuration and seed.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, overload

import numpy as np

from recommender.bootstrap import Bootstrap
from recommender.errors import InvalidInput
from recommender.purpose import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One metric of one ranker."""

    ranker: str
    purpose: Purpose
    metric: str
    """A name of `recommender.metrics.PER_USER`, or "novelty" or "coverage"."""
    k: int
    value: float
    low: float | None
    """Lower end of the interval; None where none was drawn, as for coverage, which is no mean over users."""
    high: float | None
    n_users: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecileFigure(Figure):
    """One metric of one ranker among a tenth of the users."""

    decile: int
    """1 to 10 by money spent in train; 10 spent the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much better the subject is than a baseline, user by user."""

    subject: str
    baseline: str
    purpose: Purpose
    metric: str
    k: int
    value: float
    """Mean of subject − baseline."""
    low: float | None
    high: float | None

    @property
    def better(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low is not None and self.low > 0

    @property
    def worse(self) -> bool:
        """Whether the whole interval lies below 0."""
        return self.high is not None and self.high < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationTable:
    """All figures of one evaluation."""

    subject: str
    """The ranker on trial."""
    cut: str
    """First moment of the holdout, ISO 8601, UTC."""
    n_users: int
    """Users in the holdout."""
    resamples: int
    level: float
    """Share of resampled means inside each interval, such as 0.95."""
    seed: int
    figures: tuple[Figure, ...]
    differences: tuple[Difference, ...]
    deciles: tuple[DecileFigure, ...]

    @property
    def rankers(self) -> tuple[str, ...]:
        """Names, in the order they were measured."""
        return tuple(dict.fromkeys(figure.ranker for figure in self.figures))

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """Purposes that could be measured."""
        return tuple(dict.fromkeys(figure.purpose for figure in self.figures))

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """The k that were measured, ascending."""
        return tuple(sorted({figure.k for figure in self.figures}))

    def figure(self, ranker: str, purpose: Purpose, metric: str, k: int) -> Figure:
        """Return one figure; raise `KeyError` if it was not measured."""
        for figure in self.figures:
            if (figure.ranker, figure.purpose, figure.metric, figure.k) == (ranker, purpose, metric, k):
                return figure
        raise KeyError(f"{metric}@{k} of {ranker!r} for {purpose.value!r} items was not measured")

    def difference(self, baseline: str, purpose: Purpose, metric: str, k: int) -> Difference:
        """Return the difference to one baseline; raise `KeyError` if it was not measured."""
        for found in self.differences:
            if (found.baseline, found.purpose, found.metric, found.k) == (baseline, purpose, metric, k):
                return found
        raise KeyError(f"{metric}@{k} of {self.subject!r} was not compared with {baseline!r} for {purpose.value!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready nested dictionaries and lists."""
        return {
            **{name: getattr(self, name) for name in _SCALARS},
            "figures": [_plain(figure) for figure in self.figures],
            "differences": [_plain(difference) for difference in self.differences],
            "deciles": [_plain(figure) for figure in self.deciles],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> EvaluationTable:
        """Rebuild from `to_dict`.

        Raises
        ------
        InvalidInput
            If a field is missing, unknown, of an unknown purpose or of another type, or the subject has no figures.
        """
        try:
            scalars = {name: content[name] for name in _SCALARS}
            _check_types(cls, scalars)
            table = cls(
                **scalars,
                figures=tuple(_read(Figure, row) for row in content["figures"]),
                differences=tuple(_read(Difference, row) for row in content["differences"]),
                deciles=tuple(_read(DecileFigure, row) for row in content["deciles"]),
            )
            _check_numbers(table)
            return table
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(
                f"these are not the figures of an evaluation: {error!r}; run the evaluation again"
            ) from None


Row = TypeVar("Row", Figure, DecileFigure, Difference)

_SCALARS = ("subject", "cut", "n_users", "resamples", "level", "seed")


@overload
def rounded(value: None) -> None: ...
@overload
def rounded(value: float | np.floating[Any]) -> float: ...
def rounded(value: float | np.floating[Any] | None) -> float | None:
    """Round to the six decimals an evaluation keeps; never a negative zero."""
    return None if value is None else round(float(value), 6) + 0.0


def _plain(row: Figure | Difference) -> dict[str, Any]:
    return {**dataclasses.asdict(row), "purpose": row.purpose.value}


def _read(cls: type[Row], content: Mapping[str, Any]) -> Row:
    row = {**content, "purpose": Purpose(content["purpose"])}
    _check_types(cls, row)
    return cls(**row)


def _check_types(cls: type, content: Mapping[str, Any]) -> None:
    hints = _hints(cls)
    for name, value in content.items():
        if name in hints and not _is(value, hints[name]):
            raise TypeError(
                f"{name} of {cls.__name__} is {value!r}, not {getattr(hints[name], '__name__', hints[name])}"
            )


@functools.cache
def _hints(cls: type) -> Mapping[str, Any]:
    return typing.get_type_hints(cls)


def _is(value: object, hint: Any) -> bool:
    """Whether a value from JSON is of a field's type; a whole number passes for a float, a truth value does not."""
    kinds = typing.get_args(hint) or (hint,)
    return type(value) in kinds or (type(value) is int and float in kinds)


def _check_numbers(table: EvaluationTable) -> None:
    Bootstrap(table.resamples, table.level, table.seed)
    if table.seed < 0 or table.n_users < 0:
        raise ValueError(f"seed is {table.seed} and n_users {table.n_users}; both must be at least 0")
    rows: list[Figure | Difference] = [*table.figures, *table.differences, *table.deciles]
    if wrong := [row.k for row in rows if row.k < 1]:
        raise ValueError(f"k is {wrong[0]}, which must be at least 1")
    if endless := [row.value for row in rows if not math.isfinite(row.value)]:
        raise ValueError(f"value is {endless[0]}, which must be finite")
    for purpose in table.purposes:
        table.figure(table.subject, purpose, "ndcg", table.cutoffs[-1])
