"""Claim: what is expected of customers comes, in every tenth of them, and a million customers are fitted in seconds.

The first part holds out the last 90 days of the demo's log and compares what was forecast from what lies before with
what came, beside what a shop can say without a model: each customer's own rate so far, and as much as in the 90 days
before; then the audience of those to whom something is due with what they bought. The second does the same as the first
on CDNOW, where most customers left. The third makes up a million customers by the model itself, two years of them, and
fits all three models to them.

``python -m benchmarks loyalty`` prints and keeps the figures.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import cdnow, due_audience
from benchmarks.demo_log import demo_log
from benchmarks.results import Row, at_least, at_most, figure
from recommender.loyalty.calibration import Accuracy
from recommender.loyalty.forecast import Forecast
from recommender.loyalty.summary import Summary
from training.loyalty.calibration import OWN_GAP, OWN_RATE, SAME_AGAIN, calibrate
from training.loyalty.figures import FORECAST, Calibration, Days, Staying

CUSTOMERS, QUICK_CUSTOMERS = 1_000_000, 50_000
DAYS = 730
SEED = 7
MOST_ORDERS = 200
"""Order days of a made-up customer beyond which nobody is followed."""
FIT_SECONDS = 60.0
"""Of a million customers, on one core."""


def measure(*, quick: bool) -> list[Row]:
    """Measure on the demo's log and on made-up customers."""
    with tempfile.TemporaryDirectory() as folder:
        log, catalogue = demo_log(Path(folder))
    found = calibrate(log, catalogue.category, now=log.time[-1] + np.timedelta64(1, "s"))
    due = due_audience.rows(log, catalogue.category)
    return [*_calibration(found), *due, *cdnow.rows(), *_fitting(QUICK_CUSTOMERS if quick else CUSTOMERS)]


def _calibration(found: Calibration) -> Iterator[Row]:
    for of, rows in (("orders", found.orders), ("money", found.money)):
        yield from _amounts(of, {each.name: each for each in rows}, found.days)
    if found.staying is not None:
        yield from _staying(found.staying, found.days)
    for each in found.dates:
        yield from _dates(each)


def _staying(found: Staying, days: int) -> Iterator[Row]:
    recency, mean = round(found.auc_recency, 4), round(found.brier_mean, 5)
    yield figure(f"customers who ordered within {days} days", 100 * found.returned, "%")
    title = "AUC of the probability of an order"
    yield figure(title, found.auc, "", goal=at_least(recency), peer=f"days since the last order: {recency}")
    yield figure("AUC of the probability of still being a customer", found.auc_alive, "")
    title = "Brier score of the probability of an order"
    yield figure(title, found.brier, "", goal=at_most(mean), peer=f"the same of everybody: {mean}")


def _amounts(of: str, by_name: dict[str, Accuracy], days: int) -> Iterator[Row]:
    ours = by_name[FORECAST]
    yield figure(f"{of} in {days} days: all expected / all that came", ours.total, "")
    for name in (OWN_RATE, SAME_AGAIN):
        peer = by_name[name]
        ratio, beside = ours.tenth_error / peer.tenth_error, f"{ours.tenth_error:.1%} beside {peer.tenth_error:.1%}"
        yield figure(f"{of}: error by tenth / that of {name}", ratio, "×", goal=at_most(1), peer=beside)
        ratio, beside = ours.error / peer.error, f"{ours.error:,.2f} beside {peer.error:,.2f}"
        yield figure(f"{of}: mean error of a customer / that of {name}", ratio, "×", peer=beside)
    for number, (tenth, own) in enumerate(zip(ours.tenths, by_name[OWN_RATE].tenths, strict=True), start=1):
        came = f"came: {tenth.observed:,.2f}"
        beside = f"{came}; {OWN_RATE}, its tenth: {own.expected:,.2f}, came: {own.observed:,.2f}"
        yield figure(f"{of}, tenth {number}: expected", tenth.expected, "", peer=beside)


def _dates(found: Days) -> Iterator[Row]:
    yield figure(f"{found.what}: came in the days held out", 100 * found.came, "%", peer=f"{found.n:,} cases")
    distance, beside = 100 * abs(found.inside - 0.8), f"{found.inside:.1%} inside, {found.width:.0f} days wide"
    yield figure(
        f"{found.what}: distance of the interval's share from 80 %", distance, "points", goal=at_most(5), peer=beside
    )
    naive = f"{OWN_GAP}: {found.naive_errors[OWN_GAP]:.1f} days"
    yield figure(f"{found.what}: median error", found.error, "days", peer=naive)


def _fitting(n: int) -> Iterator[Row]:
    past = made_up_customers(n)
    start = time.perf_counter()
    forecast = Forecast.fit(past)
    fitted = time.perf_counter()
    forecast.outlook(past)
    done = time.perf_counter()
    if forecast.reasons:
        raise AssertionError(f"a model was not fitted: {forecast.reasons}")
    yield figure(f"{n:,} customers: fit of the three models", fitted - start, "s", goal=at_most(FIT_SECONDS))
    yield figure(f"{n:,} customers: outlook of each", done - fitted, "s", goal=at_most(FIT_SECONDS))


def made_up_customers(n: int) -> Summary:
    """Return customers who come within two years, order at random at rates of their own, and leave at random."""
    rng = np.random.default_rng(SEED)
    age = rng.integers(1, DAYS, n)
    rate, leaving = rng.gamma(0.8, 1 / 25, n), rng.beta(0.8, 3.0, n)
    repeats, last, logs = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n)
    here = np.flatnonzero(rng.random(n) >= leaving)
    for _ in range(MOST_ORDERS):
        gap = 1 + np.floor(rng.exponential(1 / rate[here])).clip(max=DAYS).astype(np.int64)
        comes = last[here] + gap <= age[here]
        here, gap = here[comes], gap[comes]
        if not len(here):
            break
        last[here] += gap
        logs[here] += np.log(gap)
        repeats[here] += 1
        here = here[rng.random(len(here)) >= leaving[here]]
    return Summary(
        n_users=n,
        user=np.arange(n, dtype=np.int32),
        repeats=repeats,
        last=last,
        age=age.astype(np.int64),
        log_gaps=logs,
        mean_money=_money(rng, repeats + 1),
        today=np.datetime64("2025-12-31", "D"),
    )


def _money(rng: np.random.Generator, orders: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    scale = rng.gamma(3.7, 1 / 15.4, len(orders))
    return np.asarray(rng.gamma(6.25 * orders, 1 / scale) / orders, dtype=np.float64)
