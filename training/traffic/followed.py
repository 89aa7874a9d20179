"""What people did after they were written to, beside people like them who were not.

Who was mailed, who was held back and since when is told by whoever sent: this reads orders and events and compares
the two groups as an experiment is compared. A person enters with the first send in which they would have got a mail,
mailed or not, and stays in their group whatever comes later: later sends see people that the first one changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from recommender.errors import InvalidInput
from recommender.experiments.allocation import Experiment
from recommender.experiments.results import Result, compare
from recommender.experiments.visitors import NEVER, Period, observe
from recommender.traffic.attribution import SECONDS_PER_DAY, Window, attribute
from recommender.traffic.returns import net_sales
from training.progress import Progress
from training.settings import TrainingSettings
from training.traffic.period import written_day
from training.traffic.reading import Read, read_traffic
from training.traffic.trials import TrialReport

TOLD = ("return_rate", "revenue_per_visitor", "revenue_adjusted", "days_to_order", "repeat_rate")
"""The measures that say whether a mail brought somebody back; those of shelves do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailed:
    """Who was written to.

    Parameters
    ----------
    experiment
        Its groups with their shares, those held back first if there are any.
    entered
        By user: the place of their group, and when they entered, seconds since 1970.
    """

    experiment: Experiment
    entered: Mapping[str, tuple[int, int]]


def campaign_report(
    settings: TrainingSettings,
    mailed: Mailed,
    *,
    name: str,
    horizon_days: float,
    with_log: bool,
    until: int | None = None,
    erased: Collection[str],
    progress: Progress,
) -> TrialReport:
    """Read the files and compare who was mailed with who was not; up to the second `until`, or the last one known.

    Raises
    ------
    InvalidInput
        If nobody was mailed, or a file cannot be understood.
    EmptyLog
        If there are neither events nor orders.
    """
    if not mailed.entered:
        raise InvalidInput(f"the campaign {name!r} has reached nobody yet: there is nothing to report")
    since = min(at for _, at in mailed.entered.values())
    reach = since - round(Period(0, 1).prior_days * SECONDS_PER_DAY)
    read = read_traffic(settings, erased=erased, with_log=with_log, since=reach, progress=progress, orders_suffice=True)
    last = int(read.traffic.time[-1]) if len(read.traffic) else since
    period = Period(since, max((last if until is None else until) + 1, since + 1))
    with progress.step("compare") as step:
        result = _compared(settings, read, mailed, period, horizon_days)
        step.note(f"{len(mailed.entered):,} users")
    return TrialReport(
        shop=settings.shop.name,
        currency=settings.shop.currency,
        since=written_day(since // SECONDS_PER_DAY),
        until=written_day((period.until - 1) // SECONDS_PER_DAY),
        entry="send",
        result=dataclasses.replace(result, experiment=name),
        notes=(*read.notes, *_notes(mailed)),
        kind="campaign",
    )


def _compared(settings: TrainingSettings, read: Read, mailed: Mailed, period: Period, horizon_days: float) -> Result:
    # Who was mailed and did nothing at all is in no file, and counts like everybody else.
    known = set(read.visitors)
    people = (*read.visitors, *sorted(mailed.entered.keys() - known))
    nobody = (-1, NEVER)
    placed = [mailed.entered.get(user, nobody) for user in people]
    group = np.array([place for place, _ in placed], dtype=np.int8)
    entered = np.array([at if at < period.until else NEVER for _, at in placed], dtype=np.int64)
    window = Window(settings.attribution.click_days, settings.attribution.view_days)
    visitors = observe(
        read.traffic,
        attribute(read.traffic, window),
        net_sales(read.traffic),
        group=group,
        groups=mailed.experiment.names,
        period=period,
        entered=entered,
    )
    result = compare(visitors, mailed.experiment, horizon=horizon_days)
    return dataclasses.replace(
        result,
        figures=tuple(figure for figure in result.figures if figure.measure in TOLD),
        differences=tuple(difference for difference in result.differences if difference.measure in TOLD),
    )


def _notes(mailed: Mailed) -> list[str]:
    if len(mailed.experiment.names) > 1:
        return []
    return ["Nobody was held back, so nothing can be compared: what was ordered may have been ordered anyway."]
