"""The simplest outlook that is not foolish: everybody goes on as they did.

A user's orders per day, from their first order to the end of the log, times the days ahead; their mean spending per
order; their own mean gap. It is what a shop computes in a spreadsheet, and what the forecast is measured against.
"""

from __future__ import annotations

import numpy as np

from recommender.loyalty.outlook import HORIZON_DAYS, SHORT_HORIZON_DAYS, Outlook
from recommender.loyalty.rfm import CustomerBase


def naive_outlook(customers: CustomerBase, *, now: np.datetime64) -> Outlook:
    """Return the outlook of everybody, as of `now`, the moment the `customers` are described at."""
    orders = customers.frequency.astype(np.float64)
    ordered, repeated = orders > 0, orders > 1
    recency = np.where(ordered, customers.recency_days, 0).astype(np.float64)
    gap = np.where(repeated, customers.gap_days, 0).astype(np.float64)
    age = np.maximum(recency + gap * np.maximum(orders - 1, 0), 1)
    rate = np.where(ordered, orders / age, np.nan)
    each = np.divide(customers.monetary, orders, out=np.full(len(orders), np.nan), where=ordered)
    today = now.astype("datetime64[D]")
    wait = np.maximum(gap - recency, 0)
    day = np.where(repeated, today + wait.astype("timedelta64[D]"), np.datetime64("NaT", "D"))
    return Outlook(
        alive=np.where(ordered, 1.0, np.nan).astype(np.float32),
        orders_30=(rate * SHORT_HORIZON_DAYS).astype(np.float32),
        orders_90=(rate * HORIZON_DAYS).astype(np.float32),
        value_90=(rate * HORIZON_DAYS * each).astype(np.float32),
        next_order=day,
        next_order_from=day,
        next_order_until=day,
    )
