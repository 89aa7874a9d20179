"""The CDNOW sample with the 39 weeks that followed: a music shop of which most customers were soon gone.

It is the summary that the tests of the models fit, from `tests/recommender/loyalty`, which names its origin.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.results import Row, at_most, figure
from recommender.loyalty.bg_nbd import BgNbd, Pasts
from recommender.loyalty.calibration import Accuracy, auc, brier
from tests.recommender.loyalty import cdnow

WEEKS = 39
DAYS = 7 * WEEKS
REPEAT_RATE, SAME_AGAIN = "own rate of repeat orders", "as many repeat orders as in the weeks before"


def rows() -> Iterator[Row]:
    """Yield what a forecast of the 39 weeks from the 39 before was worth, beside simpler ones."""
    table = cdnow.table()
    weight = table["customers"].astype(np.int64)
    repeats, last, age, later = (
        np.repeat(table[name], weight) for name in ("repeats", "last_days", "age_days", "later")
    )
    orders, came = repeats.astype(np.int64), later > 0
    model, _ = BgNbd.fit(Pasts.grouped(orders, last.astype(np.int64), age.astype(np.int64)))
    ours = Accuracy.of("forecast", model.expected(orders, last, age, ahead=DAYS), later)
    yield figure(f"CDNOW, {WEEKS} weeks: all orders expected / all that came", ours.total, "")
    for name, expected in ((REPEAT_RATE, repeats / age * DAYS), (SAME_AGAIN, repeats)):
        peer = Accuracy.of(name, expected, later)
        ratio, beside = ours.tenth_error / peer.tenth_error, f"{ours.tenth_error:.1%} beside {peer.tenth_error:.1%}"
        yield figure(f"CDNOW: error by tenth / that of {name}", ratio, "×", goal=at_most(1), peer=beside)
        ratio, beside = ours.error / peer.error, f"{ours.error:.2f} beside {peer.error:.2f}"
        yield figure(f"CDNOW: mean error of a customer / that of {name}", ratio, "×", goal=at_most(1), peer=beside)
    returns, alive = model.returns(orders, last, age, ahead=DAYS), model.alive(orders, last, age)
    recency = f"days since the last order: {auc(last - age, came):.4f}"
    yield figure("CDNOW: AUC of the probability of an order", auc(returns, came), "", peer=recency)
    yield figure("CDNOW: AUC of the probability of still being a customer", auc(alive, came), "", peer=recency)
    mean = round(float(came.mean() * (1 - came.mean())), 5)
    title = "CDNOW: Brier score of the probability of an order"
    yield figure(title, brier(returns, came), "", goal=at_most(mean), peer=f"the same of everybody: {mean}")
