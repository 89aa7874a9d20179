"""What variety costs: the diversity dial on the validation window, and the shown slates on the test window.

The dial is swept where the blend was learned, never on the test window, so choosing it flatters no published figure.
On the test window the slates are measured once, as they are shown: with the dial, one of each title and the category
cap. The accuracy table measures the ranking before that; here both stand side by side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from recommender.arrangement import Arrangement, known_categories, same_title
from recommender.baselines import BASELINES
from recommender.bootstrap import Bootstrap
from recommender.candidates import Candidates, ReasonCode
from recommender.engine import Engine
from recommender.evaluation_table import rounded
from recommender.holdout import Holdout
from recommender.interactions import Interactions
from recommender.item_lists import ItemLists
from recommender.model import Model
from recommender.purpose import Purpose
from recommender.slate_quality import ItemFacts, MeasuredSlates, SlateQuality, age_in_days, measure_slates
from recommender.splits import Split

DIALS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
MAX_USERS = 1000
"""Users the sweep looks at: enough to tell a loss of one percent, in seconds."""
CANDIDATES = 100
"""Per user: as many as are stored for a shelf."""
RANKED, SHOWN = "ranking", "as shown"
"""The lists of the model before and after the slate's own rules."""

PURPOSES = (Purpose.ALL, Purpose.NEW)
"""What the shelves ask for on which the dial counts."""

Offers = Mapping[Purpose, Sequence[Candidates]]
"""Purpose → the candidates of each measured user."""

Change = tuple[float, float, float]
"""Mean difference, and the ends of its interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VarietyFigures:
    """What variety costs, and how varied the slates are."""

    tradeoff: tuple[SlateQuality, ...] = ()
    """On the validation window: one row per purpose and dial, then one per purpose and baseline."""
    slates: tuple[SlateQuality, ...] = ()
    """On the test window: the model's ranking, its slates as shown, and the baselines."""
    reasons: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Purpose → reason → its share of the places that are shown, on the test window."""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "tradeoff": [row.to_dict() for row in self.tradeoff],
            "slates": [row.to_dict() for row in self.slates],
            "reasons": {purpose: dict(shares) for purpose, shares in self.reasons.items()},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`; raises what a missing or unknown field raises."""
        rows = {name: tuple(SlateQuality.from_dict(row) for row in content[name]) for name in ("tradeoff", "slates")}
        return cls(**{**content, **rows})


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Everything that is measured on: a model, the users of a window after it, and what they could be offered."""

    model: Model
    train: Interactions
    holdout: Holdout
    offers: Offers
    baselines: Mapping[str, Mapping[Purpose, ItemLists]]
    k: int
    bootstrap: Bootstrap

    @classmethod
    def of(
        cls, model: Model, split: Split, holdout: Holdout, *, k: int, bootstrap: Bootstrap, advance: Callable[[], None]
    ) -> Self:
        """Rank for a sample of the users of `holdout`, drawn with the seed of `bootstrap`."""
        sample = sampled(holdout, seed=bootstrap.seed)
        baselines = {
            name: {
                purpose: rank(split.train, sample.user, purpose=purpose, k=k, now=model.as_of) for purpose in PURPOSES
            }
            for name, rank in BASELINES.items()
        }
        offers = offers_of(model, sample.user, k=max(CANDIDATES, k), advance=advance)
        return cls(model, split.train, sample, offers, baselines, k, bootstrap)

    def arrangement(self) -> Arrangement:
        """Return how the model arranges its slates."""
        return Arrangement(self.model.catalogue, self.model.factors, self.model.variety)

    def measure(self, lists: ItemLists, facts: ItemFacts, purpose: Purpose) -> MeasuredSlates:
        """Measure one ranker's lists."""
        return measure_slates(lists, self.holdout, facts, purpose=purpose, k=self.k)


def sampled(holdout: Holdout, *, seed: int, size: int = MAX_USERS) -> Holdout:
    """Return the holdout of at most `size` of its users, drawn without replacement."""
    if len(holdout) <= size:
        return holdout
    chosen = np.zeros(len(holdout), dtype=np.bool_)
    chosen[np.random.default_rng(seed).choice(len(holdout), size, replace=False)] = True
    return dataclasses.replace(
        holdout,
        user=holdout.user[chosen],
        bought=holdout.bought.select(chosen),
        owned=holdout.owned.select(chosen),
        value=holdout.value[chosen],
    )


def offers_of(model: Model, users: npt.NDArray[np.int32], *, k: int, advance: Callable[[], None]) -> Offers:
    """Return the best `k` candidates of each user, for each of `PURPOSES`."""
    engine = Engine(model, version="rehearsal")
    found: dict[Purpose, list[Candidates]] = {purpose: [] for purpose in PURPOSES}
    for user in users.tolist():
        offered = engine.candidates_for(model.histories.of(user), PURPOSES, now=model.as_of, k=k)
        for purpose, candidates in offered.items():
            found[purpose].append(candidates)
        advance()
    return found


def sweep(trial: Trial, *, advance: Callable[[], None] = lambda: None) -> tuple[SlateQuality, ...]:
    """Measure the slates at every dial of `DIALS`, each beside the dial at 0; then the baselines."""
    facts, arrangement = _facts(trial), trial.arrangement()
    rows = []
    for purpose, offered in trial.offers.items():
        found = []
        for dial in DIALS:
            lists = _shelves(arrangement.with_dial(dial), offered, trial.k)
            found.append(trial.measure(lists, facts, purpose))
            advance()
        changes = [None, *_changes(found[1:], found[0], trial.bootstrap)]
        for dial, measured, change in zip(DIALS, found, changes, strict=True):
            rows.append(_row(SHOWN, purpose, trial.k, measured, dial=dial, change=change))
        rows += _baselines(trial, facts, purpose)
    return tuple(rows)


def n_sweeps() -> int:
    """Return how often `sweep` calls `advance`."""
    return len(DIALS) * len(PURPOSES)


def shown_slates(trial: Trial) -> tuple[SlateQuality, ...]:
    """Measure the model's ranking, its slates as shown beside it, and the baselines."""
    facts, arrangement = _facts(trial), trial.arrangement()
    rows = []
    for purpose, offered in trial.offers.items():
        ranked = trial.measure(ItemLists.from_rows([each.item[: trial.k] for each in offered]), facts, purpose)
        shown = trial.measure(_shelves(arrangement, offered, trial.k), facts, purpose)
        rows.append(_row(RANKED, purpose, trial.k, ranked))
        (change,) = _changes([shown], ranked, trial.bootstrap)
        rows.append(_row(SHOWN, purpose, trial.k, shown, dial=trial.model.variety.diversity, change=change))
        rows += _baselines(trial, facts, purpose)
    return tuple(rows)


def shown_reasons(trial: Trial) -> dict[str, dict[str, float]]:
    """Return, for each purpose, the share of the shown places that each reason has, the largest first."""
    arrangement = trial.arrangement()
    shares = {}
    for purpose, offered in trial.offers.items():
        reasons = [arrangement.shelf(each, limit=trial.k).reason for each in offered]
        counts = np.bincount(np.concatenate(reasons), minlength=len(ReasonCode))
        by_count = sorted(ReasonCode, key=lambda code: -counts[code])
        shares[purpose.value] = {code.label: rounded(counts[code] / counts.sum()) for code in by_count if counts[code]}
    return shares


def _shelves(arrangement: Arrangement, offered: Sequence[Candidates], k: int) -> ItemLists:
    return ItemLists.from_rows([arrangement.shelf(each, limit=k).item for each in offered])


def _facts(trial: Trial) -> ItemFacts:
    model = trial.model
    return ItemFacts(
        category=known_categories(model.catalogue),
        vectors=model.factors.item,
        twin=same_title(model.catalogue),
        age_days=age_in_days(trial.train, now=model.as_of),
    )


def _baselines(trial: Trial, facts: ItemFacts, purpose: Purpose) -> list[SlateQuality]:
    return [
        _row(name, purpose, trial.k, trial.measure(lists[purpose], facts, purpose))
        for name, lists in trial.baselines.items()
    ]


def _changes(found: Sequence[MeasuredSlates], reference: MeasuredSlates, bootstrap: Bootstrap) -> list[Change | None]:
    """Return the paired difference in nDCG of each to `reference`; all from the same resamples."""
    differences = np.stack([each.ndcg - reference.ndcg for each in found], axis=1)
    if not len(differences) or not bootstrap.resamples:
        return [None] * len(found)
    intervals = bootstrap.intervals(bootstrap.means(differences))
    means = differences.mean(axis=0)
    return [
        None if low is None or high is None else (rounded(mean), rounded(low), rounded(high))
        for mean, (low, high) in zip(means, intervals, strict=True)
    ]


def _row(
    ranker: str,
    purpose: Purpose,
    k: int,
    found: MeasuredSlates,
    *,
    dial: float | None = None,
    change: Change | None = None,
) -> SlateQuality:
    return SlateQuality(
        ranker=ranker,
        purpose=purpose,
        k=k,
        n_users=len(found.ndcg),
        dial=dial,
        figures=found.figures,
        ndcg_change=change,
    )
