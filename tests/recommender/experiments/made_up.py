"""Visitors of a made-up shop, with effects that are known because they were planted."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.experiments.visitors import NEVER, Period, Visitors

DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """By which factor the second group differs."""

    clicking: float = 1.0
    carting: float = 1.0
    ordering: float = 1.0
    """Of the rate of orders: conversion, returning, days and revenue follow."""


def visitors(rng: np.random.Generator, *, n: int = 2_000, days: int = 60, effect: Effect | None = None) -> Visitors:
    """Draw visitors of two equal groups.

    People differ, and so do their days: how often somebody orders, clicks and how much they spend hangs together
    across their own places, orders and the past, and they enter on any day.
    """
    effect = effect or Effect()
    group = rng.integers(0, 2, n).astype(np.int8)

    def times(factor: float) -> npt.NDArray[np.float64]:
        return np.where(group == 1, factor, 1.0)

    keenness = rng.gamma(2.0, 0.5, n)
    entered = rng.integers(0, days * DAY, n)
    impressions = rng.poisson(20 * keenness) + 1
    clicks = rng.binomial(impressions, np.clip(0.06 * rng.gamma(2.0, 0.5, n) * times(effect.clicking), 0, 1))
    rate = keenness * times(effect.ordering) / 25.0
    first = entered + rng.exponential(1 / rate) * DAY
    second = first + rng.exponential(1 / rate) * DAY
    end = days * DAY
    orders = (first < end).astype(np.int64) + (second < end)
    spent = rng.lognormal(3.0, 0.6, n) * keenness
    return Visitors(
        period=Period(0, end),
        groups=("control", "b"),
        group=group,
        entered=entered,
        impressions=impressions,
        clicks=clicks,
        carted=rng.random(n) < np.clip(0.2 * times(effect.carting), 0, 1),
        orders=orders,
        revenue=orders * spent,
        first_order=_moments(first, end),
        second_order=_moments(second, end),
        prior_revenue=rng.poisson(2 * keenness) * spent,
    )


def _moments(time: npt.NDArray[np.float64], end: int) -> npt.NDArray[np.int64]:
    return np.where(time < end, np.minimum(time, end).astype(np.int64), NEVER)


def until_day(drawn: Visitors, day: int) -> Visitors:
    """Return what was known of the orders of `drawn` visitors at the end of a day."""
    end = day * DAY
    inside = drawn.select(drawn.entered < end)
    first, second = (np.where(moment < end, moment, NEVER) for moment in (inside.first_order, inside.second_order))
    orders = (first < NEVER).astype(np.int64) + (second < NEVER)
    per_order = inside.revenue / np.maximum(inside.orders, 1)
    return dataclasses.replace(
        inside,
        period=Period(0, end),
        orders=orders,
        revenue=orders * per_order,
        first_order=first,
        second_order=second,
    )
