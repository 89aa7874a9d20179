"""The past that a search may look at, and nothing else.

Rows of the test window are refused while the files are read: they reach neither cleaning (a return may take back an
earlier purchase) nor the id maps. The users of the validation window are dealt into two halves. The blend's weights are
learned from what one half bought, and the lists are measured on what the other half bought: no user is on both sides.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from recommender.catalogue import Catalogue
from recommender.errors import EmptyLog, InvalidInput
from recommender.holdout import Holdout
from recommender.interactions import GUEST, Interactions
from recommender.splits import Split, time_split
from training.cleaning import clean
from training.inputs import Sources, erased_users
from training.progress import Progress
from training.rehearsal import cut_of
from training.settings import CleaningSettings, TrainingSettings
from training.sources.event_files import read_event_files
from training.sources.items import ItemRows, build_catalogue, read_items
from training.sources.log import LogRows, read_log
from training.tuning.space import window_days

MOST_USERS = 4000
"""More measured users narrow the interval by less than trials differ; each costs time in every trial."""


@dataclass(slots=True, eq=False)
class ValidationWindow:
    """What precedes the window, what was bought in it, and who learns and who is measured."""

    split: Split
    catalogue: Catalogue
    learns: npt.NDArray[np.bool_]
    """(n_users,) whose purchases the blend is learned from."""
    measured: Holdout
    """What the other half bought within `evaluation.test_days`."""
    _learned: dict[int, Holdout] = field(default_factory=dict)

    def to_learn_from(self, days: int) -> Holdout:
        """Return what the learning half bought in the first `days` of the window."""
        if days not in self._learned:
            self._learned[days] = _holdout(self.split, self.learns, days)
        return self._learned[days]

    def facts(self) -> dict[str, str | int]:
        """Return what a reader should know about it."""
        return {
            "first_day": str(self.split.cut)[:10],
            "last_day": str(self.split.test.time[-1])[:10],
            "rows_before": len(self.split.train),
            "users_measured": len(self.measured),
        }


def open_window(sources: Sources, settings: TrainingSettings, progress: Progress, *, seed: int) -> ValidationWindow:
    """Read the log up to the test window, and hold out its last `window_days`.

    Raises
    ------
    InvalidInput
        If the log is too short, or has too few customers.
    """
    with progress.step("read up to the test window", total=2) as step:
        items = read_items(sources.items, settings.items)
        cut = _cut(sources, settings, items)
        step.advance()
        past = _past(sources, settings, items, cut)
        step.advance()
        step.note(f"{len(past):,} rows before {str(cut)[:10]}")
    start = cut - np.timedelta64(window_days(settings), "D")
    try:
        split = time_split(past, start)
        learns = _half(len(past.users), seed)
        measured = _sampled(split, ~learns, seed)
        _holdout(split, learns, settings.blend.window_days)
        window = ValidationWindow(
            split=split,
            catalogue=build_catalogue(items, split.train, now=start),
            learns=learns,
            measured=_holdout(split, measured, settings.evaluation.test_days),
        )
    except EmptyLog as reason:
        raise InvalidInput(
            f"there is no validation window to search on, from {str(start)[:10]} to {str(cut)[:10]}: {reason}"
        ) from reason
    return window


def _cut(sources: Sources, settings: TrainingSettings, items: ItemRows) -> np.datetime64:
    """Return where the test begins; without `evaluation.cut`, the end of the log has to be known for that."""
    if settings.evaluation.cut is not None:
        return np.datetime64(settings.evaluation.cut, "s")
    log = _read(sources, settings, items, until=None)
    return cut_of(settings.evaluation, now=log.time[-1] + np.timedelta64(1, "s"))


def _past(sources: Sources, settings: TrainingSettings, items: ItemRows, cut: np.datetime64) -> Interactions:
    try:
        return _read(sources, settings, items, until=cut)
    except EmptyLog as reason:
        raise InvalidInput(
            f"the log is too short to search on: the test window begins on {str(cut)[:10]}, and nothing before it "
            "can be learned from; a longer log, a smaller test_days or a later cut in [evaluation] would help"
        ) from reason


def _read(
    sources: Sources, settings: TrainingSettings, items: ItemRows, *, until: np.datetime64 | None
) -> Interactions:
    limits = _limits(settings.cleaning, until)
    rows = LogRows.combine(
        [read_log(sources.purchases, settings.purchases, limits), read_event_files(sources.events, limits)]
    )
    return clean(
        rows,
        limits,
        excluded=items.excluded,
        erased=erased_users(settings),
        time_zone=settings.purchases.time_zone,
    ).interactions


def _limits(limits: CleaningSettings, until: np.datetime64 | None) -> CleaningSettings:
    """Return the limits of cleaning under which rows from `until` on, a midnight, are refused."""
    if until is None:
        return limits
    before: dt.date = (until.astype("datetime64[D]") - np.timedelta64(1, "D")).astype(object)
    last = before if limits.latest is None else min(before, limits.latest)
    return limits.model_copy(update={"latest": max(last, limits.earliest)})


def _half(n: int, seed: int) -> npt.NDArray[np.bool_]:
    """Return (n,) true for half of the users, dealt at random."""
    half = np.zeros(n, dtype=np.bool_)
    half[np.random.default_rng(seed).permutation(n)[: n // 2]] = True
    return half


def _sampled(split: Split, users: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.bool_]:
    """Return (n_users,) at most `MOST_USERS` of the `users` who bought in the window."""
    bought = np.unique(split.test.user[split.test.user != GUEST])
    chosen = bought[users[bought]]
    if len(chosen) > MOST_USERS:
        chosen = np.random.default_rng(seed).choice(chosen, MOST_USERS, replace=False)
    sample = np.zeros_like(users)
    sample[chosen] = True
    return sample


def _holdout(split: Split, users: npt.NDArray[np.bool_], days: int) -> Holdout:
    end = split.cut + np.timedelta64(days, "D")
    window = split.test.between(None, end)
    mine = (window.user != GUEST) & users[window.user]
    return Holdout.from_split(Split(split.train, window.select(mine), split.cut))
