"""What the benchmarks of the customer base rest on: customers who are what they are said to be, and ratios by hand."""

import numpy as np
import pytest

from benchmarks.coupons import Cases, _lift, _mantel_haenszel
from benchmarks.loyalty import made_up_customers
from recommender.loyalty.forecast import Forecast


def cases(user: list[int], **columns: list[bool]) -> Cases:
    """Cases of these users; what is not named is false."""
    nothing = np.zeros(len(user), dtype=np.bool_)
    names = ("sent", "redeemed", "returned", "owns", "due", "away")
    found = {name: np.array(columns.get(name, nothing), dtype=np.bool_) for name in names}
    return Cases(user=np.array(user, dtype=np.int32), alike=np.zeros(len(user), dtype=np.int64), **found)


def test_made_up_customers_can_be_learned_from() -> None:
    """They fit into their time, and every model finds something in them."""
    past = made_up_customers(3_000)
    assert (past.last <= past.age).all()
    assert (past.last >= past.repeats).all()
    assert ((past.last > 0) == (past.repeats > 0)).all()
    assert not Forecast.fit(past).reasons


def test_lift_by_hand() -> None:
    """Two of four against one of four is a lift of two, and its interval is around it."""
    group = np.array([True] * 4 + [False] * 4)
    hits = np.array([True, True, False, False, True, False, False, False])
    row = _lift("a lift", cases(list(range(8))), hits, group, ~group)
    assert row.value == 2
    assert row.peer is not None
    assert row.peer.startswith("50.0% of 4 beside 25.0% of 4; ")


def test_ratio_among_alike_is_that_within_each_stratum() -> None:
    """Twice as likely within both strata is a ratio of two, though pooling without strata would say otherwise."""
    counts = [(0, True, 8, 10), (0, False, 36, 90), (1, True, 18, 90), (1, False, 1, 10)]
    stratum, group, outcome = [], [], []
    for number, inside, hits, size in counts:
        stratum += [number] * size
        group += [inside] * size
        outcome += [True] * hits + [False] * (size - hits)
    masks = np.array(outcome), np.array(group)
    assert _mantel_haenszel(np.array(stratum), *masks, np.ones(len(stratum))) == pytest.approx(2.0)
    pooled = np.zeros(len(stratum), dtype=np.intp)
    assert _mantel_haenszel(pooled, *masks, np.ones(len(stratum))) == pytest.approx((26 / 100) / (37 / 100))


def test_nobody_to_compare_with_is_no_ratio() -> None:
    """Where none of the others redeemed, there is no ratio."""
    nobody = np.zeros(2, dtype=np.bool_)
    assert np.isnan(_mantel_haenszel(np.zeros(2, dtype=np.intp), nobody, np.array([True, False]), np.ones(2)))
