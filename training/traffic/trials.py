"""The content of `regulars experiments report` as plain values: files in, groups compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.experiments.allocation import Allocation
from recommender.experiments.results import Result, compare
from recommender.experiments.visitors import Entry, Period, observe
from recommender.traffic.attribution import SECONDS_PER_DAY, Window, attribute
from recommender.traffic.returns import net_sales
from training.progress import Progress
from training.settings import TrainingSettings
from training.traffic.events import BROWSER
from training.traffic.period import day_of, period_of, require_order, written_day
from training.traffic.reading import Read, read_traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked about an experiment."""

    name: str
    since: dt.date | None
    """First day; None for that of the first event."""
    until: dt.date | None = None
    """Last day; None for that of the last event."""
    horizon_days: float
    entry: Entry = Entry.SHELF
    with_log: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """One experiment in one period."""

    shop: str
    currency: str
    since: str
    """First day, UTC."""
    until: str
    """Last day."""
    entry: str
    result: Result
    notes: tuple[str, ...]
    kind: str = "experiment"
    """Or "campaign"."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        content = asdict(self)
        content["result"]["sample_ratio"]["is_mismatch"] = self.result.sample_ratio.is_mismatch
        return content


def trial_report(
    settings: TrainingSettings, allocation: Allocation, asked: Asked, *, erased: Collection[str], progress: Progress
) -> TrialReport:
    """Read the files and compare the groups.

    Raises
    ------
    InvalidInput
        If there is no such experiment, the period is empty, or a file cannot be understood.
    EmptyLog
        If there are no events.
    """
    experiment = allocation.get(asked.name)
    require_order(asked.since, asked.until)
    window = Window(settings.attribution.click_days, settings.attribution.view_days)
    prior = Period(0, 1).prior_days
    reach = None if asked.since is None else day_of(asked.since) - round(prior * SECONDS_PER_DAY)
    read = read_traffic(settings, erased=erased, with_log=asked.with_log, since=reach, progress=progress)
    period = period_of(read, asked.since, asked.until)
    with progress.step("assign visitors"):
        group = groups_of(read, allocation, asked.name)
    with progress.step("trace to shelves"):
        traced, sales = attribute(read.traffic, window), net_sales(read.traffic)
    with progress.step("compare") as step:
        visitors = observe(
            read.traffic, traced, sales, group=group, groups=experiment.names, period=period, entry=asked.entry
        )
        result = compare(visitors, experiment, horizon=asked.horizon_days)
        step.note(f"{len(visitors):,} visitors")
    return TrialReport(
        shop=settings.shop.name,
        currency=settings.shop.currency,
        since=written_day(period.since // SECONDS_PER_DAY),
        until=written_day((period.until - 1) // SECONDS_PER_DAY),
        entry=asked.entry.value,
        result=result,
        notes=read.notes,
    )


def groups_of(read: Read, allocation: Allocation, name: str) -> npt.NDArray[np.int8]:
    """Return (n_visitors,) each visitor's group; -1 for guests, who take no part, and for outsiders."""
    group = allocation.groups_of(read.visitors, name)
    is_guest = np.fromiter((visitor.startswith(BROWSER) for visitor in read.visitors), np.bool_, len(read.visitors))
    return np.where(is_guest, np.int8(-1), group)
