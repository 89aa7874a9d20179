"""The outlook: columns of one length, and an honest "nothing can be said"."""

import dataclasses

import numpy as np
import pytest

from recommender.errors import InvalidInput
from recommender.loyalty.naive import naive_outlook
from recommender.loyalty.outlook import Outlook
from recommender.loyalty.rfm import CustomerBase
from tests.planted import Line, at, log_of


def test_unknown_says_nothing() -> None:
    """Neither a number nor a day."""
    outlook = Outlook.unknown(3)
    assert len(outlook) == 3
    assert not outlook.is_known.any()
    assert np.isnan(outlook.value_90).all()
    assert np.isnat(outlook.next_order).all()


def test_columns_must_have_one_length() -> None:
    """An outlook with a missing entry is refused by name."""
    with pytest.raises(InvalidInput, match="'alive': 2"):
        dataclasses.replace(Outlook.unknown(3), alive=np.zeros(2, dtype=np.float32))


def test_naive_outlook_by_hand() -> None:
    """Three orders in a hundred days at 10, 20 days apart; one order; none."""
    lines = [Line("ann", "tea", day=day, amount=10.0) for day in (0, 20, 40)]
    log = log_of([*lines, Line("bob", "tea", day=90, amount=7.0)])
    now = at(100)
    naive = naive_outlook(CustomerBase.from_interactions(log, now=now), now=now)
    np.testing.assert_allclose(naive.orders_30, [0.9, 3.0], rtol=1e-5)
    np.testing.assert_allclose(naive.orders_90, [2.7, 9.0], rtol=1e-5)
    np.testing.assert_allclose(naive.value_90, [27, 63], rtol=1e-5)
    assert naive.next_order.astype(object).tolist() == [now.astype("datetime64[D]").item(), None]
