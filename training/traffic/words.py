"""What the measures of an experiment are called, and how their values are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from recommender.experiments.metrics import MEASURES as DEFINED
from recommender.experiments.results import Result


@dataclass(frozen=True, slots=True)
class Words:
    """One measure in words."""

    name: str
    meaning: str
    unit: str
    """"share", "money" or "days"."""


MEASURES: Mapping[str, Words] = MappingProxyType(
    {
        "click_through": Words("click-through", "clicks per place of a shelf that was seen", "share"),
        "add_to_cart": Words("add to cart", "users who put anything into the cart", "share"),
        "conversion": Words("conversion", "users who ordered", "share"),
        "revenue_per_visitor": Words("revenue per user", "money for what was kept", "money"),
        "revenue_adjusted": Words(
            "revenue, adjusted", "the same, less what earlier spending foretells (CUPED)", "money"
        ),
        "return_rate": Words("return", "users with an order within the horizon", "share"),
        "repeat_rate": Words("repeat purchase", "users with a second order within the horizon", "share"),
        "days_to_order": Words("days to next order", "from entering; the horizon where there is none by then", "days"),
        "repeat_rate_buyers": Words("repeat, of buyers", "of those who ordered, again within the horizon", "share"),
        "days_between_orders": Words("days between orders", "of those who ordered; describes, compares nobody", "days"),
    }
)
"""In the order of reports."""

assert MEASURES.keys() == DEFINED.keys(), "every measure has its words"

_MISMATCH = (
    "The groups do not have the sizes they should have (p = {p:.1g}): visitors were lost or doubled somewhere, "
    "and no difference can be trusted. "
)


def written(measure: str, value: float, *, signed: bool = False) -> str:
    """Return a value as people read it, or with a sign a difference: of shares, that is percentage points.

    >>> written("conversion", 0.1234), written("conversion", 0.01, signed=True), written("days_to_order", -0.5)
    ('12.34 %', '+1.00 pp', '-0.50')
    """
    sign = "+" if signed else ""
    if MEASURES[measure].unit == "share":
        return f"{100 * value:{sign},.2f} {'pp' if signed else '%'}"
    return f"{value:{sign},.2f}"


def detectable(measure: str, value: float | None) -> str:
    """Return the smallest difference that would have been found, or a dash."""
    return "–" if value is None else written(measure, value, signed=True).removeprefix("+")


def sizes_in_words(result: Result) -> str:
    """Say how many visitors each group has, and whether it should."""
    ratio = result.sample_ratio
    sizes = ", ".join(
        f"{group} {count:,} (expected {expected:,.0f})"
        for group, count, expected in zip(result.groups, ratio.visitors, ratio.expected, strict=True)
    )
    if ratio.p_value is None:
        return f"Users: {sizes}."
    verdict = _MISMATCH.format(p=ratio.p_value) if ratio.is_mismatch else ""
    return f"{verdict}Users: {sizes}; p = {ratio.p_value:.2g} that chance alone is as far off."
