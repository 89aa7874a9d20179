"""The difference between two versions, user by user: b − a, with the interval of its mean.

Both values of a user are drawn together (`recommender.bootstrap`), so what is hard for both cancels out: a difference
can be certain although the intervals of the two figures overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.bootstrap import Bootstrap, Interval
from recommender.evaluation_table import rounded
from recommender.outcomes import METRICS, Outcomes, PurposeOutcomes
from recommender.purpose import Purpose
from training.comparison.groups import Band, Breakdown, popularity_bands, user_groups
from training.comparison.windows import item_places, renumbered, shared_purposes

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedFigure:
    """One metric of both versions among some users."""

    purpose: Purpose
    metric: str
    breakdown: Breakdown
    group: str
    """"all", a decile, "new" or "warm", or the band of the items that are looked for."""
    n_users: int
    a: float
    b: float
    difference: float
    """Mean of b − a."""
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
class BandShares:
    """What part of all places and of all hits is of one band of items, in each version."""

    purpose: Purpose
    band: str
    n_items: int
    places_a: float
    places_b: float
    hits_a: float
    hits_b: float


def mean_difference(a: Values, b: Values, bootstrap: Bootstrap) -> tuple[float, Interval]:
    """Return the mean of ``b - a`` over users and its interval."""
    (found,) = mean_gains((b - a)[:, None], bootstrap)
    return found


def mean_gains(gains: Values, bootstrap: Bootstrap) -> list[tuple[float, Interval]]:
    """Return the mean and the interval of each column (n_users, n_columns); all columns share the same draws."""
    return list(zip(gains.mean(axis=0).tolist(), bootstrap.intervals(bootstrap.means(gains)), strict=True))


def paired_figures(
    a: Outcomes, b: Outcomes, bootstrap: Bootstrap, *, advance: Callable[[], None] = lambda: None
) -> list[PairedFigure]:
    """Compare two outcomes of the same window in every breakdown; `advance` is called `n_steps` times."""
    figures: list[PairedFigure] = []
    for purpose in shared_purposes(a, b):
        figures += _by_users(a, b, purpose, bootstrap, advance)
        figures += _by_bands(a, b, purpose, bootstrap, advance)
    return figures


def n_steps(a: Outcomes, b: Outcomes) -> int:
    """Return how often `paired_figures` calls `advance`."""
    return len(shared_purposes(a, b)) * (len(list(user_groups(a.window))) + len(Band))


def band_shares(a: Outcomes, b: Outcomes) -> list[BandShares]:
    """Return of which bands the lists of both versions, and their hits, are made."""
    bands = _bands(a, b)
    sizes = np.bincount(bands[: len(a.window.items)], minlength=len(Band))
    rows = []
    for purpose in shared_purposes(a, b):
        one, other = _pair(a, b, purpose)
        places = [_shares(found.shown.item, bands) for found in (one, other)]
        hits = [_shares(found.shown.item[found.shown.found_in(found.relevant)], bands) for found in (one, other)]
        rows += [
            BandShares(
                purpose=purpose,
                band=band.label,
                n_items=int(sizes[band]),
                places_a=rounded(places[0][band]),
                places_b=rounded(places[1][band]),
                hits_a=rounded(hits[0][band]),
                hits_b=rounded(hits[1][band]),
            )
            for band in Band
        ]
    return rows


def _by_users(
    a: Outcomes, b: Outcomes, purpose: Purpose, bootstrap: Bootstrap, advance: Callable[[], None]
) -> Iterator[PairedFigure]:
    rows = a.by_purpose[purpose].row
    before, after = (np.stack([side.values(purpose, metric) for metric in METRICS], axis=1) for side in (a, b))
    for group in user_groups(a.window):
        chosen = group.member[rows]
        if chosen.any():
            one, other = before[chosen], after[chosen]
            for at, (metric, gain) in enumerate(zip(METRICS, mean_gains(other - one, bootstrap), strict=True)):
                yield _figure(
                    one[:, at], other[:, at], gain, purpose, metric=metric, group=(group.breakdown, group.name)
                )
        advance()


def _by_bands(
    a: Outcomes, b: Outcomes, purpose: Purpose, bootstrap: Bootstrap, advance: Callable[[], None]
) -> Iterator[PairedFigure]:
    bands, pair = _bands(a, b), _pair(a, b, purpose)
    for band in Band:
        one, other = (_recall_in(found, bands == band, k=a.window.k) for found in pair)
        if len(one):
            gain = mean_difference(one, other, bootstrap)
            yield _figure(one, other, gain, purpose, metric="recall", group=(Breakdown.POPULARITY, band.label))
        advance()


def _figure(
    a: Values,
    b: Values,
    gain: tuple[float, Interval],
    purpose: Purpose,
    *,
    metric: str,
    group: tuple[Breakdown, str],
) -> PairedFigure:
    difference, (low, high) = gain
    breakdown, name = group
    return PairedFigure(
        purpose=purpose,
        metric=metric,
        breakdown=breakdown,
        group=name,
        n_users=len(a),
        a=rounded(float(a.mean())),
        b=rounded(float(b.mean())),
        difference=rounded(difference),
        low=rounded(low),
        high=rounded(high),
    )


def _recall_in(found: PurposeOutcomes, in_band: npt.NDArray[np.bool_], *, k: int) -> Values:
    """Return, for each user with a right answer in the band, the share of those (at most k) that were shown."""
    wanted = found.relevant.keep(in_band[found.relevant.item])
    hit = found.shown.found_in(wanted)
    hits = np.bincount(found.shown.rows()[hit], minlength=len(found.shown))
    asked = wanted.lengths > 0
    share: Values = hits[asked] / np.minimum(wanted.lengths[asked], k)
    return share


def _pair(a: Outcomes, b: Outcomes, purpose: Purpose) -> tuple[PurposeOutcomes, PurposeOutcomes]:
    """Return both sides with the item numbers of `a`."""
    place, other = item_places(a, b), b.by_purpose[purpose]
    renamed = PurposeOutcomes(
        rankers=other.rankers,
        row=other.row,
        ndcg=other.ndcg,
        recall=other.recall,
        relevant=renumbered(other.relevant, place),
        shown=renumbered(other.shown, place),
    )
    return a.by_purpose[purpose], renamed


def _bands(a: Outcomes, b: Outcomes) -> npt.NDArray[np.int64]:
    """Return the band of every item of `a`; items that only `b` knows are tail, behind them."""
    n_items = max(len(a.window.items), int(item_places(a, b).max(initial=-1)) + 1)
    bands = np.full(n_items, int(Band.TAIL), dtype=np.int64)
    bands[: len(a.window.items)] = popularity_bands(a.window.purchases)
    return bands


def _shares(items: npt.NDArray[np.int32], bands: npt.NDArray[np.int64]) -> Values:
    counts = np.bincount(bands[items], minlength=len(Band)).astype(np.float64)
    return counts / max(len(items), 1)
