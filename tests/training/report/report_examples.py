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
from recommender.loyalty.rfm import CustomerBase
from recommender.purpose import Purpose
from recommender.splits import time_split
from tests import planted
from training.cleaning import CleaningReport
from training.report import ReportData, ShopFacts
from training.steps import StepRecord

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
        parameters={"als": {"factors": 64}, "items": {"exclude": {HOSTILE: [HOSTILE]}}, "blend": {}},
        libraries={"numpy": "2.4.6"},
        evaluation=evaluation,
    )
    return dataclasses.replace(data, **changes)
