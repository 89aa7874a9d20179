"""The experiments of the shop as far as the event files tell: groups compared, as `regulars experiments report` does.

Only users take part: who is in which group is a hash of their id. The purchase log is not read here, so orders that
no event reported are missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.experiments.allocation import Allocation, Experiment
from recommender.experiments.results import Difference, GroupFigure, Result, compare
from recommender.experiments.visitors import Period, observe
from recommender.traffic.attribution import SECONDS_PER_DAY
from recommender.traffic.columns import NONE
from serving.console.charts import Dot
from serving.console.traffic import Traced
from serving.experiment_settings import ExperimentSettings, allocation_of

MEASURES = {
    "click_through": ("Click-through", "clicks per place that was seen", "share"),
    "add_to_cart": ("Put into the cart", "users who put anything into the cart", "share"),
    "conversion": ("Conversion", "users who ordered", "share"),
    "revenue_per_visitor": ("Revenue per user", "money for what was kept", "money"),
    "revenue_adjusted": ("Revenue per user, adjusted", "less what earlier spending foretells", "money"),
    "repeat_rate": ("Repeat purchase", "users with a second order within the horizon", "share"),
    "days_to_order": ("Days to next order", "the horizon where there is none by then", "days"),
    "repeat_rate_buyers": ("Repeat purchase of buyers", "describes, compares nobody", "share"),
    "days_between_orders": ("Days between orders", "describes, compares nobody", "days"),
}
"""Name, meaning and unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure of every group."""

    name: str
    meaning: str
    unit: str
    figures: tuple[GroupFigure, ...]
    differences: tuple[Difference, ...]
    """Of every group but the first."""

    def of(self, group: str) -> tuple[GroupFigure, Difference | None]:
        """Return the figure of a group, and how it differs from the first."""
        figure = next(figure for figure in self.figures if figure.group == group)
        return figure, next((difference for difference in self.differences if difference.group == group), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One experiment."""

    name: str
    result: Result | None
    """None before anybody of it was seen."""
    rows: tuple[Row, ...] = ()
    shares: tuple[tuple[str, float], ...] = ()

    def why_not(self, group: str) -> dict[str, dict[str, list[str]]]:
        """Return why the first group and `group` have no intervals: by group and reason, the names of the measures."""
        found: dict[str, dict[str, list[str]]] = {}
        for row in self.rows:
            for name in dict.fromkeys((row.figures[0].group, group)):
                if (why := row.of(name)[0].why_not) is not None:
                    found.setdefault(name, {}).setdefault(why, []).append(row.name)
        return found

    def dots(self, group: str) -> tuple[Dot, ...]:
        """Return the differences of a group as shares of the first group's values."""
        return tuple(
            dot for row in self.rows for difference in row.differences if (dot := _dot(row, difference, group))
        )


class Groups:
    """Numbers the groups of all experiments, for columns of numbers."""

    def __init__(self, settings: Mapping[str, ExperimentSettings]) -> None:
        self.allocation: Allocation = allocation_of(settings)
        names = ((trial.name, group) for trial in self.allocation.experiments for group in trial.names)
        self._numbers = {pair: number for number, pair in enumerate(names)}

    def of(self, user_id: str) -> int:
        """Return the number of a user's group; -1 outside every experiment."""
        found = self.allocation.of(user_id)
        return NONE if found is None else self._numbers[found.experiment, found.variant]

    def places(self, experiment: Experiment, group_of_visitor: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
        """Return (n_visitors,) the place of each visitor's group in one experiment; -1 for all others."""
        places = np.full(len(self._numbers) + 1, NONE, dtype=np.int8)  # the last is that of -1
        for place, group in enumerate(experiment.names):
            places[self._numbers[experiment.name, group]] = place
        return places[group_of_visitor]


def trials(of: Traced, groups: Groups, settings: Mapping[str, ExperimentSettings]) -> list[Trial]:
    """Compare the groups of every experiment."""
    return [_trial(of, groups, trial, settings[trial.name]) for trial in groups.allocation.experiments]


def _trial(of: Traced, groups: Groups, experiment: Experiment, settings: ExperimentSettings) -> Trial:
    place = groups.places(experiment, of.group_of_visitor)
    period = _period(of, settings)
    if period is None or not (place >= 0).any():
        return Trial(name=experiment.name, result=None, shares=experiment.groups)
    visitors = observe(of.traffic, of.traced, of.sales, group=place, groups=experiment.names, period=period)
    if not len(visitors):
        return Trial(name=experiment.name, result=None, shares=experiment.groups)
    result = compare(visitors, experiment)
    return Trial(name=experiment.name, result=result, rows=tuple(_rows(result)), shares=experiment.groups)


def _period(of: Traced, settings: ExperimentSettings) -> Period | None:
    if not len(of.traffic):
        return None
    first, last = int(of.traffic.time[0]), int(of.traffic.time[-1])
    since = first // SECONDS_PER_DAY * SECONDS_PER_DAY
    if settings.since is not None:
        since = int(np.datetime64(settings.since, "s").astype(np.int64))
    return Period(since, last + 1) if since <= last else None


def _rows(result: Result) -> list[Row]:
    return [
        Row(
            name=name,
            meaning=meaning,
            unit=unit,
            figures=tuple(figure for figure in result.figures if figure.measure == measure),
            differences=tuple(difference for difference in result.differences if difference.measure == measure),
        )
        for measure, (name, meaning, unit) in MEASURES.items()
    ]


def _dot(row: Row, difference: Difference, group: str) -> Dot | None:
    if difference.group != group or difference.value is None or not difference.relative:
        return None
    whole = difference.value / difference.relative
    low, high = (None if edge is None else edge / whole for edge in (difference.low, difference.high))
    if low is None or high is None:
        return None
    return Dot(row.name, difference.relative, min(low, high), max(low, high))
