"""Example households in words: who they are, what they bought, what they are offered and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from training.examples import Example, Pick
from training.report.glossary import REASONS

_ANCHORED = {
    "because_you_bought": "because of {title}",
    "bought_together": "goes with {title}",
    "similar_to": "similar to {title}",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One place of a slate."""

    title: str
    category: str
    why: str


@dataclass(frozen=True, slots=True)
class Story:
    """One household."""

    headline: str
    detail: str
    lately: tuple[tuple[str, str], ...]
    """What was bought, and how often and when."""
    slates: tuple[tuple[str, tuple[Offer, ...]], ...]
    """Name of a shelf, and what stands on it."""


def story(example: Example, *, today: str) -> Story:
    """Return `example` in words; `today` is the ISO day of the model."""
    return Story(
        headline=example.segment.capitalize(),
        detail=f"{_count(example.orders, 'order')}, the last {_ago(example.recency_days)}",
        lately=tuple((title, f"{_count(orders, 'order')}, {_ago(days)}") for title, orders, days in example.lately),
        slates=(
            ("Offered on the home page", tuple(_offer(pick, today) for pick in example.home)),
            ("Offered where only new items are wanted", tuple(_offer(pick, today) for pick in example.discovery)),
        ),
    )


def why(pick: Pick, *, today: str) -> str:
    """Say why an item is offered."""
    if pick.due_on > today:
        due = date.fromisoformat(pick.due_on)
        return f"{REASONS['buy_again']}, needed around {due.day} {due:%B}"
    if pick.because and pick.reason in _ANCHORED:
        return _ANCHORED[pick.reason].format_map({"title": pick.because})
    return REASONS.get(pick.reason, pick.reason)


def _offer(pick: Pick, today: str) -> Offer:
    return Offer(title=pick.title, category=pick.category, why=why(pick, today=today))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _ago(days: int) -> str:
    return {0: "today", 1: "yesterday"}.get(days, f"{days:,} days ago")
