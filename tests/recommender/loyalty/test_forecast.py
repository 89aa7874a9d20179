"""The forecast: what a shop is told, and what it is told where too little is known."""

import numpy as np
import pytest

from recommender.loyalty.forecast import FEWEST_REPEATERS, Forecast
from recommender.loyalty.orders import Orders
from recommender.loyalty.summary import Summary
from tests.planted import Line, at, log_of, user_id

NOW = at(365)


def past_of(lines: list[Line]) -> Summary:
    """Return the summary of these lines at the end of the year."""
    return Summary.from_orders(Orders.from_interactions(log_of(lines)), now=NOW)


@pytest.fixture(name="town", scope="module")
def _town() -> Summary:
    """Two hundred customers with rhythms of their own, half of whom left at some day, and one who only looked."""
    rng = np.random.default_rng(4)
    lines = []
    for user in range(200):
        gap, until = rng.gamma(3, 10), rng.uniform(20, 365) if user % 2 else 365
        day = rng.uniform(0, 100)
        while day < until:
            lines.append(Line(user_id(user), "tea", day=day, amount=round(float(rng.gamma(4, 5)), 2) + 0.01))
            day += rng.gamma(4, gap / 4) + 1
    lines.append(Line("regular", "tea", day=0, amount=10.0))
    lines += [Line("regular", "tea", day=float(day), amount=10.0) for day in range(7, 365, 7)]
    lines += [Line("gone", "tea", day=float(day), amount=10.0) for day in range(0, 140, 7)]
    lines.append(Line("once", "tea", day=360, amount=10.0))
    return past_of(lines)


def test_every_customer_has_an_outlook(town: Summary) -> None:
    """All columns are said, in their ranges and in order; the later horizon holds the sooner."""
    forecast = Forecast.fit(town)
    assert not forecast.reasons
    outlook = forecast.outlook(town)
    assert outlook.is_known.all()
    assert ((outlook.alive >= 0) & (outlook.alive <= 1)).all()
    assert (outlook.orders_30 > 0).all()
    assert (outlook.orders_30 < outlook.orders_90).all()
    assert (outlook.value_90 > 0).all()
    assert (outlook.next_order_from >= NOW.astype("datetime64[D]")).all()
    assert (outlook.next_order_from <= outlook.next_order).all()
    assert (outlook.next_order <= outlook.next_order_until).all()


def test_who_is_regular_and_who_is_gone(town: Summary) -> None:
    """The weekly customer is there and due within the week; the one who stopped in May is not believed in."""
    # ids are sorted: gone, once, regular, then the town
    gone, once, regular = 0, 1, 2
    outlook = Forecast.fit(town).outlook(town)
    assert outlook.alive[gone] < 0.1 < 0.9 < outlook.alive[regular]
    assert outlook.orders_90[regular] == pytest.approx(13, abs=2)
    assert outlook.value_90[regular] == pytest.approx(130, rel=0.35)
    days = (outlook.next_order - NOW.astype("datetime64[D]")).astype(int)
    width = (outlook.next_order_until - outlook.next_order_from).astype(int)
    assert 0 <= days[regular] <= 7
    assert width[regular] < width[once]


@pytest.mark.parametrize("weekly", [False, True])
def test_customers_all_alike_have_an_outlook(weekly: bool) -> None:
    """Where customers order at random at one rate, or all every week, every figure is a number and every day a day."""
    rng = np.random.default_rng(3)
    days = [(user, rng.uniform(0, 365, 20)) for user in range(100)]
    if weekly:
        days = [(user, np.arange(user % 7, 365, 7, dtype=np.float64)) for user in range(100)]
    past = past_of([Line(user_id(user), "tea", day=float(day), amount=5.0) for user, some in days for day in some])
    outlook = Forecast.fit(past).outlook(past)
    for figures in (outlook.alive, outlook.orders_30, outlook.orders_90, outlook.value_90):
        assert np.isfinite(figures).all()
    assert not np.isnat([outlook.next_order_from, outlook.next_order, outlook.next_order_until]).any()
    if weekly:
        assert (outlook.next_order == outlook.next_order_until).all()
        assert (outlook.orders_90 > 12).all()


def test_too_few_repeats_say_so() -> None:
    """With fewer repeat buyers than parameters can be learned from, nothing is said, and why."""
    lines = [Line(user_id(k), "tea", day=day, amount=5.0) for k in range(FEWEST_REPEATERS - 1) for day in (1, 50)]
    past = past_of(lines)
    forecast = Forecast.fit(past)
    assert set(forecast.reasons) == {"buying", "spending", "rhythm"}
    assert f"only {FEWEST_REPEATERS - 1} customers" in forecast.reasons["buying"]
    assert not forecast.outlook(past).is_known.any()
    assert forecast.returns(past, ahead=30) is None
    assert forecast.orders(past, ahead=30) is None


def test_constant_prices_fall_back_to_the_mean(town: Summary) -> None:
    """Where everybody pays the same, an order is worth that; everything else is still said."""
    rng = np.random.default_rng(8)
    lines = [
        Line(user_id(k), "pass", day=float(day), amount=9.0)
        for k in range(60)
        for day in np.unique(rng.integers(0, 364, 1 + k % 9))
    ]
    past = past_of(lines)
    forecast = Forecast.fit(past)
    assert forecast.reasons == {"spending": "all customers spend the same per order"}
    outlook = forecast.outlook(past)
    np.testing.assert_allclose(outlook.value_90, 9 * outlook.orders_90, rtol=1e-5)


def test_nobody_ordered() -> None:
    """A shop without customers has an outlook of nobody."""
    past = Summary.from_orders(Orders.from_interactions(log_of([Line(None, "tea", day=1)])), now=NOW)
    assert len(Forecast.fit(past).outlook(past)) == 0
