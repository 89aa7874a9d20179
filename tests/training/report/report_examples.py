"""A report about a small planted shop, with hostile names wherever a name can come from outside."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from recommender.baselines import BASELINES
from recommender.blend import FEATURES
from recommender.bootstrap import Bootstrap
from recommender.evaluation import evaluate
from recommender.evaluation_table import EvaluationTable
from recommender.holdout import Holdout
from recommender.interactions import Interactions
from recommender.loyalty.concentration import Concentration
from recommender.loyalty.movement import Cohorts, Movement
from recommender.loyalty.orders import Orders
from recommender.loyalty.rfm import CustomerBase
from recommender.purpose import Purpose
from recommender.slate_quality import FIGURES, SlateQuality
from recommender.splits import time_split
from tests import planted
from training.cleaning import CleaningReport
from training.examples import Example, Pick
from training.loyalty.calibration import calibrate
from training.loyalty.figures import Estimate, Fitted, LoyaltyFigures
from training.report import ReportData, ShopFacts
from training.steps import StepRecord
from training.variety import DIALS, RANKED, SHOWN, VarietyFigures

HOSTILE = "</title><script>alert('空')</script> & $x$"


def evaluation_of(log: Interactions, *, day: float = 330) -> EvaluationTable:
    split = time_split(log, planted.at(day))
    holdout = Holdout.from_split(split)
    rankings = {
        name: {purpose: rank(split.train, holdout.user, purpose=purpose, k=10, now=split.cut) for purpose in Purpose}
        for name, rank in {"model": BASELINES["own recent top"], **BASELINES}.items()
    }
    return evaluate(rankings, holdout, subject="model", bootstrap=Bootstrap(resamples=40))


def cleaning_of(log: Interactions) -> CleaningReport:
    return CleaningReport(
        files=(f"{HOSTILE}.csv",),
        rows_read=len(log) + 8,
        rows_kept=len(log),
        guest_rows=3,
        users=len(log.users),
        items=len(log.items),
        orders=log.purchases().n_orders,
        first=str(log.time.min()),
        last=str(log.time.max()),
        quarantined={HOSTILE: 3},
        set_aside={"lines identical to another": 5, "robots": 0},
    )


def slate_quality(ranker: str, purpose: Purpose, dial: float | None) -> SlateQuality:
    """Figures that differ between rows, so that drawings have something to show."""
    place = len(ranker) / 100 + (dial or 0.0) / 10
    return SlateQuality(
        ranker=ranker,
        purpose=purpose,
        k=10,
        n_users=90,
        dial=dial,
        figures={name: round(0.5 + at / 50 - place, 6) for at, name in enumerate(FIGURES)},
        ndcg_change=(-0.01, -0.02, 0.001) if dial else None,
    )


def variety() -> VarietyFigures:
    """A trade-off over the dial, slates on the holdout, and a reason no program knows."""
    purposes = (Purpose.ALL, Purpose.NEW)
    return VarietyFigures(
        tradeoff=tuple(slate_quality(SHOWN, purpose, dial) for purpose in purposes for dial in DIALS)
        + tuple(slate_quality(name, purpose, None) for purpose in purposes for name in BASELINES),
        slates=tuple(slate_quality(name, purpose, None) for purpose in purposes for name in (RANKED, SHOWN, HOSTILE)),
        reasons={purpose.value: {"buy_again": 0.75, HOSTILE: 0.25} for purpose in purposes},
    )


def example() -> Example:
    """A household whose items have hostile names."""
    bought = Pick(title=HOSTILE, category="Dairy", owned=True, reason="buy_again", because="", due_on="2025-02-01")
    fresh = Pick(title="Tea", category="", owned=False, reason="bought_together", because=HOSTILE, due_on="")
    return Example(
        segment="champion", orders=7, recency_days=1, lately=((HOSTILE, 1, 0),), home=(bought, fresh), discovery=()
    )


def loyalty_of(log: Interactions) -> LoyaltyFigures:
    """The customer base of a year's log, with a model whose name is hostile."""
    orders, now = Orders.from_interactions(log), log.time.max() + np.timedelta64(1, "s")
    estimates = (Estimate(model=HOSTILE, name="r", value=0.25, error=None),)
    return LoyaltyFigures(
        fitted=Fitted(estimates=estimates, reasons={HOSTILE: HOSTILE}, leaves_at_once=True, regularity=2.0),
        calibration=calibrate(log, np.zeros(len(log.items), dtype=np.int32), now=now),
        why_uncalibrated="",
        concentration=Concentration.of(orders.spent()),
        movement=Movement.of(orders, now=now),
        cohorts=Cohorts.of(orders, now=now),
    )


def report_of(log: Interactions, evaluation: EvaluationTable | None, **changes: Any) -> ReportData:
    as_of = log.time.max() + np.timedelta64(1, "s")
    data = ReportData(
        shop=HOSTILE,
        version="20241231-0123456789ab",
        as_of=str(as_of),
        cleaning=cleaning_of(log),
        facts=ShopFacts.from_interactions(log, CustomerBase.from_interactions(log, now=as_of)),
        blend={purpose.value: {name: at / 10 - 1 for at, name in enumerate(FEATURES)} for purpose in Purpose},
        steps=(StepRecord("read", 1.25, 300.0), StepRecord(HOSTILE, 0.0, 310.5)),
        parameters={
            "als": {"factors": 64},
            "slates": {"diversity": 0.2},
            "items": {"exclude": {HOSTILE: [HOSTILE]}},
            "blend": {},
        },
        libraries={"numpy": "2.4.6"},
        evaluation=evaluation,
        variety=variety() if evaluation else None,
        loyalty=loyalty_of(log) if evaluation else None,
        examples=(example(),),
    )
    return dataclasses.replace(data, **changes)
